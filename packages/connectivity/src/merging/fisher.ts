/** Merges that weigh every number by how much a model's loss depends on it. */
import { ConfigError, ShapeError } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters, unflattenParameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { type Tensor, tensor, tensor1d } from "@tensorflow/tfjs-core";
import { createDifferentiator } from "../curvature/gradients.ts";
import { alike, type PointLike } from "../points/point.ts";

/**
 * The diagonal of the empirical Fisher information at a point: the mean over the batches of the squared gradient of their loss. The
 * gradient of each row, as it is defined, with batches of one row; larger batches give a rougher one. The caller owns it.
 *
 * @param objective - Whose loss.
 * @param data - The first epoch.
 * @param point - @default the objective's own
 * @throws {StateError} When a gradient is not finite.
 * @see Matena and Raffel 2022, Merging Models with Fisher-Weighted Averaging, arXiv:2111.09832, section 3.
 */
export async function estimateFisher<Batch>(
  objective: Objective<Batch>,
  data: Batches<Batch>,
  point: PointLike = objective,
): Promise<Map<string, Tensor>> {
  const tree = alike("estimateFisher", [objective.parameters, point], 2)[1]!;
  let sum: Float32Array | undefined;
  let count = 0;
  for await (const item of data.epoch(0)) {
    const one: Batches<Batch> = {
      describe: () => ({}),
      async *epoch() {
        yield { ...item, isLast: true };
      },
    };
    const differentiator = await createDifferentiator("estimateFisher", objective, one);
    try {
      const { gradient } = await differentiator.at(tree);
      sum ??= new Float32Array(gradient.length);
      for (let i = 0; i < gradient.length; i++) sum[i]! += gradient[i]! ** 2;
      count += 1;
    } finally {
      differentiator.dispose();
    }
  }
  if (sum === undefined) throw new ConfigError({ message: "estimateFisher: there are no batches" });
  const flat = tensor1d(sum.map((value) => value / count));
  const fisher = unflattenParameters(flat, tree);
  flat.dispose();
  return fisher;
}

/** Nothing is divided by less than this much of the largest information of a tensor. */
const FLOOR = 1e-6;

/**
 * `Σ wᵢ Fᵢ θᵢ / Σ wᵢ Fᵢ`, number by number; where no point has any information, their mean. The caller owns it.
 *
 * @param points - Not disposed of.
 * @param fishers - Of `estimateFisher`, one for each point.
 * @param weights - @default 1 each
 * @throws {ShapeError} When trees differ, or are not as many.
 * @throws {ConfigError} For information below zero, and weights that are not above it.
 * @see Matena and Raffel 2022, arXiv:2111.09832, equation 4.
 */
export async function mergeByFisher(
  points: readonly PointLike[],
  fishers: readonly Parameters[],
  weights: readonly number[] = points.map(() => 1),
): Promise<Map<string, Tensor>> {
  if (fishers.length !== points.length || weights.length !== points.length) {
    throw new ShapeError({
      message: `mergeByFisher: ${points.length} points need as many trees of information and weights, got ${fishers.length} and ${weights.length}`,
    });
  }
  const wrong = weights.find((weight) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong !== undefined) throw new ConfigError({ message: `mergeByFisher: weights must be above 0, got ${wrong}` });
  const all = alike("mergeByFisher", [...points, ...fishers]);
  const merged = new Map<string, Tensor>();
  try {
    for (const [name, first] of all[0]!) {
      const lists = await Promise.all(all.map((tree) => tree.get(name)!.data()));
      const [values, information] = [lists.slice(0, points.length), lists.slice(points.length)];
      const result = new Float32Array(first.size);
      let most = 0;
      for (const [k, list] of information.entries()) {
        for (const value of list) {
          if (!(value >= 0))
            throw new ConfigError({
              message: `mergeByFisher: the information of point ${k} at "${name}" holds ${value}; it must be at least 0`,
              name,
            });
          most = Math.max(most, value);
        }
      }
      for (let i = 0; i < first.size; i++) {
        let [sum, total] = [0, 0];
        for (let k = 0; k < values.length; k++) {
          const weight = weights[k]! * (information[k]![i]! + FLOOR * most + Number.MIN_VALUE);
          sum += weight * (values[k]![i]! - values[0]![i]!);
          total += weight;
        }
        result[i] = values[0]![i]! + sum / total;
      }
      merged.set(name, tensor(result, first.shape, "float32"));
    }
    return merged;
  } catch (error) {
    disposeParameters(merged);
    throw error;
  }
}
