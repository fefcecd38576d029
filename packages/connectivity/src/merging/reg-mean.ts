/** Merges of linear layers that keep what each model computes on its own data, as well as one layer can. */
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { around, disposeParameters, type Hook, type Parameters, type Site } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { add, dispose, keep, matMul, reshape, type Tensor, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { alike, type PointLike } from "../points/point.ts";
import { mergePoints } from "./merge-points.ts";
import { solveSpd } from "./solve.ts";

/** `Xᵀ X` of what entered each linear layer, `[in, in]`, by the name of its weight. */
export type Grams = ReadonlyMap<string, Tensor>;

/** A model that can be watched. */
export interface Watched<Batch> {
  /** Where its weights and activations are. */
  sites(): readonly Site[];
  /** Runs it with hooks; what it returns is disposed of. */
  forward(batch: Batch, options: { readonly hooks: readonly Hook[] }): unknown;
}

/**
 * Sums `xᵀ x` over all tokens that enter each linear layer, padding included. `O(layers · in²)` memory. The caller owns them.
 *
 * @param model - A model, or a tuned one.
 * @param data - The first epoch; its tensors are disposed of.
 * @throws {ConfigError} When there are no batches.
 */
export async function captureGrams<Batch>(model: Watched<Batch>, data: Batches<Batch>): Promise<Map<string, Tensor>> {
  const grams = new Map<string, Tensor>();
  const watched = new Map(
    model
      .sites()
      .filter(({ kind, weight, part }) => kind === "linear" && weight !== undefined && part === undefined)
      .map((site) => [site.path, site.weight!.name]),
  );
  for await (const { batch } of data.epoch(0)) {
    const hook = around(
      "linear",
      ({ path }) => watched.has(path),
      ({ site, input, next }) => {
        const name = watched.get(site.path)!;
        const before = grams.get(name);
        const rows = reshape(input, [-1, input.shape.at(-1)!]) as Tensor2D;
        const gram = matMul(rows, rows, true, false);
        grams.set(name, keep(before === undefined ? gram : add(before, gram)));
        before?.dispose();
        return next(input);
      },
    );
    try {
      tidy(() => void model.forward(batch, { hooks: [hook] }));
      await Promise.all([...grams.values()].map((gram) => gram.data()));
    } finally {
      dispose(batch as unknown as Record<string, Tensor>);
    }
  }
  if (grams.size > 0) return grams;
  throw new ConfigError({ message: "captureGrams: there are no batches, or the model has no linear layers" });
}

/** Settings of `mergeByRegMean`. */
export interface MergeByRegMeanOptions {
  /** Factor on what stands off the diagonals of the Grams, above 0 to 1. @default 0.9, as in the paper */
  readonly shrink?: number;
  /** What stands in front of the weights' names in the points, such as `"whole/"`. @default "" */
  readonly prefix?: string;
}

/**
 * `(Σ Gᵢ)⁻¹ Σ Gᵢ Wᵢ` for every linear layer that has Grams, the mean for all else. Weights are taken as `[out, in]`. The caller owns
 * it.
 *
 * @param points - Not disposed of.
 * @param grams - Of `captureGrams`, one for each point. Not disposed of.
 * @throws {ShapeError} When points differ, or a Gram does not fit its weight.
 * @throws {ConfigError} When no Gram has a weight of that name, or the layer's sum of Grams cannot be solved.
 * @see Jin et al. 2023, Dataless Knowledge Fusion by Merging Weights of Language Models, arXiv:2212.09849, section 3.
 */
export async function mergeByRegMean(
  points: readonly PointLike[],
  grams: readonly Grams[],
  options: MergeByRegMeanOptions = {},
): Promise<Map<string, Tensor>> {
  checkOptions("mergeByRegMean", options, ["shrink", "prefix"]);
  const { shrink = 0.9, prefix = "" } = options;
  if (!(shrink > 0 && shrink <= 1))
    throw new ConfigError({ message: `mergeByRegMean: shrink must be above 0 and at most 1, got ${shrink}` });
  const trees = alike("mergeByRegMean", points);
  if (grams.length !== points.length)
    throw new ShapeError({
      message: `mergeByRegMean: ${points.length} points need as many Grams, got ${grams.length}`,
    });
  const merged = await mergePoints(trees);
  try {
    let used = 0;
    for (const name of grams[0]!.keys()) {
      const key = prefix + name;
      if (!merged.has(key)) continue;
      const weight = await mergeLayer(
        key,
        trees,
        grams.map((each) => each.get(name)),
        shrink,
      );
      merged.get(key)!.dispose();
      merged.set(key, weight);
      used += 1;
    }
    if (used > 0) return merged;
    throw new ConfigError({
      message: `mergeByRegMean: the points have none of the weights that Grams are of, such as "${[...grams[0]!.keys()][0]}"; give the prefix of their names`,
    });
  } catch (error) {
    disposeParameters(merged);
    throw error;
  }
}

async function mergeLayer(
  name: string,
  trees: readonly Parameters[],
  grams: readonly (Tensor | undefined)[],
  shrink: number,
): Promise<Tensor> {
  const [output, input] = trees[0]!.get(name)!.shape as [number, number];
  const left = new Float64Array(input * input);
  const right = new Float64Array(input * output); // [in, out]
  for (const [k, gram] of grams.entries()) {
    if (`${gram?.shape}` !== `${[input, input]}`) {
      throw new ShapeError({
        message: `mergeByRegMean: "${name}" is [${output},${input}], so its Gram must be [${input},${input}]; that of point ${k} is ${gram === undefined ? "absent" : `[${gram.shape}]`}`,
        name,
      });
    }
    const [g, w] = await Promise.all([gram!.data(), trees[k]!.get(name)!.data()]);
    for (let i = 0; i < input; i++) {
      for (let j = 0; j < input; j++) {
        const value = (i === j ? 1 : shrink) * g[i * input + j]!;
        left[i * input + j]! += value;
        if (value !== 0) for (let o = 0; o < output; o++) right[i * output + o]! += value * w[o * input + j]!;
      }
    }
  }
  const solved = solveSpd(left, right, input, output);
  if (solved === undefined) {
    throw new ConfigError({
      message: `mergeByRegMean: the Grams at "${name}" do not determine the layer; take more rows, or a smaller shrink`,
      name,
    });
  }
  const weight = new Float32Array(output * input);
  for (let i = 0; i < input; i++) for (let o = 0; o < output; o++) weight[o * input + i] = solved[i * output + o]!;
  return tensor2d(weight, [output, input]);
}
