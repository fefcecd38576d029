/** Several points as one. Tensors are merged one after the other, so that memory holds the points, the result, and one tensor of each. */
import { ConfigError, checkOptions, StateError } from "@cambium/base";
import { disposeParameters, type Parameters, type Random } from "@cambium/core";
import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { alike, type PointLike } from "../points/point.ts";
import { mergeTensor } from "./merge-tensor.ts";
import { draws, type MergeRecipe, needsBase, planMerge } from "./recipe.ts";
import { depthsOf } from "./settings.ts";

/** Settings of `mergePoints`. */
export interface MergePointsOptions extends MergeRecipe {
  /** The point that changes are counted from, such as the backbone; `"zero"` for points that are changes themselves. */
  readonly base?: PointLike | "zero";
  /** Where choices come from, for methods that drop at random. */
  readonly random?: Random;
}

/** Options and recipe apart. */
function splitOptions(options: MergePointsOptions): {
  readonly recipe: MergeRecipe;
  readonly base?: PointLike | "zero";
  readonly random?: Random;
} {
  if (typeof options !== "object" || options === null) checkOptions("mergePoints", options, ["method"]);
  const { base, random, ...recipe } = options;
  return { recipe, ...(base !== undefined && { base }), ...(random !== undefined && { random }) };
}

/**
 * One point out of several: soups, task arithmetic, TIES, DARE, DELLA, breadcrumbs, SLERP, model stock. With the same settings its
 * numbers are mergekit's (to 1e-5), but that a tensor is never wiped out because it is small, and slerp of a zero tensor is the line.
 *
 * LoRA's factors are merged as they are; the merge of their products is another one, which `mergeTuned` makes.
 *
 * @param points - At least one, of one space. Not disposed of.
 * @param options - A recipe, as JSON; and for methods that merge changes the `base`.
 * @returns The caller owns it.
 * @throws {ConfigError} For settings that the method does not read, values out of range, and a base that is missing.
 * @throws {ShapeError} When points or base have other names or shapes; lists all.
 * @throws {StateError} When a number is not finite.
 * @example
 * const soup = await mergePoints([a, b, c], { method: "ties", density: 0.2, base: start });
 */
export async function mergePoints(
  points: readonly PointLike[],
  options: MergePointsOptions = {},
): Promise<Map<string, Tensor>> {
  const { recipe, base, random } = splitOptions(options);
  const plan = planMerge(recipe, points.length);
  const { method } = plan;
  const fail = (message: string): ConfigError => new ConfigError({ message: `mergePoints: ${message}`, method });
  if (needsBase(method) && base === undefined)
    throw fail(`"${method}" merges changes; give "base", the point that they start from, or "zero"`);
  if (!needsBase(method) && base !== undefined) throw fail(`"${method}" reads no "base"`);
  if (draws(method) && random === undefined) throw fail(`"${method}" drops at random; give random: random(seed)`);
  if (!draws(method) && random !== undefined) throw fail(`"${method}" draws nothing, so it takes no "random"`);
  if (method === "slerp" && points.length !== 2) throw fail(`"slerp" is of two points, got ${points.length}`);
  if (method === "model-stock" && points.length < 2) throw fail(`"model-stock" needs at least two points`);
  const start = base === undefined || base === "zero" ? undefined : base;
  const trees = alike("mergePoints", start === undefined ? points : [...points, start]);
  const names = [...trees[0]!.keys()];
  const depths = depthsOf(names);
  const merged = new Map<string, Tensor>();
  try {
    for (const name of names) {
      const first = trees[0]!.get(name)!;
      if (first.dtype !== "float32") {
        merged.set(name, first.clone());
        continue;
      }
      const read = async (tree: Parameters): Promise<Float32Array> => (await tree.get(name)!.data()) as Float32Array;
      const values = await Promise.all(trees.slice(0, points.length).map(read));
      const from = base === "zero" ? new Float32Array(first.size) : start && (await read(trees.at(-1)!));
      const result = mergeTensor(plan, {
        name,
        shape: first.shape,
        depth: depths.get(name)!,
        values,
        ...(from !== undefined && { base: from }),
        ...(random !== undefined && { random }),
      });
      if (!result.every(Number.isFinite)) {
        throw new StateError({
          message: `mergePoints: "${name}" is not finite after the merge; are all points, and the base?`,
          name,
        });
      }
      merged.set(name, tensor(result, first.shape, "float32"));
    }
    return merged;
  } catch (error) {
    disposeParameters(merged);
    throw error;
  }
}
