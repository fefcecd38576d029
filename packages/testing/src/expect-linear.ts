import { expect } from "vitest";

/** How much longer the longer input is: work that grows with the square takes 64 times as long, with the length 8. */
const FACTOR = 8;

/** Between the two, on a machine of any speed, with room for what else it does meanwhile. */
const MOST = 24;

/** Shorter times are noise. They count as this much, which makes no work look slower than it is. */
const LEAST_MS = 0.5;

/** How often both are timed: a machine that is busy with other work spoils one time or another, not the least of them. */
const ROUNDS = 8;

/** The processor time of some work, in milliseconds. */
async function timeOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Fails when the time of some work grows faster than its input, by comparing it with the time of an eighth of that input.
 * Both are timed by turns until their least times agree with linear work, {@link ROUNDS} times at most.
 *
 * @param work - Does the work on an input of a length.
 * @param length - Long enough that work in proportion to its square would take seconds.
 */
export async function expectLinear(work: (length: number) => unknown, length: number): Promise<void> {
  let short = Number.POSITIVE_INFINITY;
  let long = Number.POSITIVE_INFINITY;
  let ratio = Number.POSITIVE_INFINITY;
  await work(Math.floor(length / FACTOR)); // compiled and warm
  for (let round = 0; round < ROUNDS && !(ratio < MOST); round++) {
    short = Math.min(short, await timeOf(() => work(Math.floor(length / FACTOR))));
    long = Math.min(long, await timeOf(() => work(length)));
    ratio = long / Math.max(short, LEAST_MS);
  }
  expect(ratio, `${long} ms for ${length}, ${short} ms for an eighth of it`).toBeLessThan(MOST);
}
