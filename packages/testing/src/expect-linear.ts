import { expect } from "vitest";

/** How much longer the longer input is: work that grows with the square takes 64 times as long, with the length 8. */
const FACTOR = 8;

/** Between the two, on a machine of any speed, with room for what else it does meanwhile. */
const MOST = 24;

/** Shorter times are noise. They count as this much, which makes no work look slower than it is. */
const LEAST_MS = 0.5;

/** The least processor time of some runs: what else the machine does only adds to it. */
async function leastMs(work: () => unknown, runs: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/**
 * Fails when the time of some work grows faster than its input, by comparing it with the time of an eighth of that input.
 *
 * @param work - Does the work on an input of a length.
 * @param length - Long enough that work in proportion to its square would take seconds.
 */
export async function expectLinear(work: (length: number) => unknown, length: number): Promise<void> {
  const short = await leastMs(() => work(Math.floor(length / FACTOR)), 5);
  const long = await leastMs(() => work(length), 3);
  const ratio = long / Math.max(short, LEAST_MS);
  expect(ratio, `${long} ms for ${length}, ${short} ms for an eighth of it`).toBeLessThan(MOST);
}
