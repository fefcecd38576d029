/** How what is made of points grows with parameters and with models. */
import { line, measureDistance, mergePoints } from "@cambium/connectivity";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import { exponentOf } from "./fit.ts";
import { processorMs } from "./timed.ts";

/** The clock, and the processor time of all threads, of one run. ms. */
export async function timed(run: () => Promise<unknown>): Promise<{ readonly ms: number; readonly processor: number }> {
  const [start, before] = [performance.now(), processorMs()];
  await run();
  return { ms: performance.now() - start, processor: processorMs() - before };
}

/** Exponent at which times grow with sizes, to three places. */
export function exponent(sizes: readonly number[], times: readonly number[]): number {
  return Number(exponentOf(sizes.map((x, i) => [x, times[i]!])).toFixed(3));
}

/** The least processor time of three runs. ms. */
async function least(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push((await timed(run)).processor);
  return Math.min(...times);
}

const drawn = (parameters: number, seed: number): Parameters =>
  new Map(
    Array.from({ length: 16 }, (_, i) => [
      `w${i}`,
      random(seed)
        .at(`w${i}`)
        .normal([parameters / 16]),
    ]),
  );

/** What is made of trees. */
const METHODS = {
  "a point of a line": async (trees: readonly Parameters[]) => disposeParameters(line(trees[0]!, trees[1]!).at(0.3)),
  "a distance": (trees: readonly Parameters[]) => measureDistance(trees[0]!, trees[1]!),
  "a linear merge": async (trees: readonly Parameters[]) => disposeParameters(await mergePoints(trees)),
  "a TIES merge": async (trees: readonly Parameters[]) =>
    disposeParameters(await mergePoints(trees, { method: "ties", density: 0.2, base: "zero" })),
};
/** Of trees. */
const SIZES = [2 ** 20, 2 ** 21, 2 ** 22, 2 ** 23, 2 ** 24];
const MODELS = [2, 4, 8, 16];

/** Says the exponents, by processor time. */
export async function measureGrowth(say: (row: string, about: object) => void): Promise<void> {
  for (const [name, run] of Object.entries(METHODS)) {
    const times: number[] = [];
    for (const parameters of SIZES) {
      const trees = [drawn(parameters, 1), drawn(parameters, 2)];
      await run(trees);
      times.push(await least(() => run(trees)));
      for (const tree of trees) disposeParameters(tree);
    }
    say(`growth of ${name} with parameters`, {
      parameters: SIZES,
      ms: times.map(Math.round),
      exponent: exponent(SIZES, times),
    });
  }
  const all = MODELS.at(-1)!;
  const trees = Array.from({ length: all }, (_, i) => drawn(2 ** 20, i));
  for (const name of ["a linear merge", "a TIES merge"] as const) {
    const times: number[] = [];
    for (const models of MODELS) times.push(await least(() => METHODS[name](trees.slice(0, models))));
    say(`growth of ${name} with models`, {
      models: MODELS,
      ms: times.map(Math.round),
      exponent: exponent(MODELS, times),
    });
  }
  for (const tree of trees) disposeParameters(tree);
}
