/** How training went for each example: dataset cartography. */
import { ConfigError } from "@cambium/base";
import type { Evaluator } from "../evaluate/evaluator.ts";
import type { PointLike } from "../points/point.ts";

/** What was recorded of each example, in the order of the data. */
export interface Cartography {
  /** Points of the training that were recorded. */
  readonly records: number;
  /** Mean probability of the right answer, 0 to 1. */
  readonly confidence: Float64Array;
  /** Standard deviation of that probability over the records. */
  readonly variability: Float64Array;
  /** Share of the records in which the guess was right, 0 to 1. */
  readonly correctness: Float64Array;
  /** How often the guess turned from right to wrong or back. */
  readonly turns: Uint32Array;
}

/** Records a training run example by example. */
export interface Cartographer {
  /** Measures every example at a point of the training, such as the end of an epoch. */
  record(point: PointLike): Promise<void>;
  /** @throws {ConfigError} When nothing was recorded. */
  result(): Cartography;
}

/**
 * A recorder that fits any trainer: call `record` at the end of each epoch, or give it to `train` as `evaluate.run`.
 *
 * @param evaluator - Of the training rows, in a fixed order, of a classifier. It stays the caller's.
 * @throws {ConfigError} When the evaluator does not measure the probability of the right answer.
 * @see Swayamdipta et al. 2020, Dataset Cartography, arXiv:2009.10795, section 2.
 * @example
 * const map = createCartographer(await createEvaluator(tuned, rowsInOrder));
 * const evaluate = { every: stepsOfAnEpoch, run: async (at: Parameters) => { await map.record(at); return {}; } };
 */
export function createCartographer(evaluator: Evaluator): Cartographer {
  const golds: Float32Array[] = [];
  const rights: Float32Array[] = [];
  return {
    async record(point) {
      const { gold, correct } = (await evaluator.measure(point)).values;
      if (gold === undefined || correct === undefined)
        throw new ConfigError({
          message: 'createCartographer: the measure must give "gold" and "correct" for each row',
        });
      golds.push(gold);
      rights.push(correct);
    },
    result() {
      if (golds.length === 0) throw new ConfigError({ message: "createCartographer: nothing was recorded" });
      const count = golds[0]!.length;
      const confidence = new Float64Array(count);
      const variability = new Float64Array(count);
      const correctness = new Float64Array(count);
      const turns = new Uint32Array(count);
      for (let i = 0; i < count; i++) {
        const values = golds.map((gold) => gold[i]!);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        confidence[i] = mean;
        variability[i] = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
        correctness[i] = rights.reduce((sum, right) => sum + right[i]!, 0) / rights.length;
        for (let k = 1; k < rights.length; k++) if (rights[k]![i] !== rights[k - 1]![i]) turns[i]! += 1;
      }
      return { records: golds.length, confidence, variability, correctness, turns };
    },
  };
}
