/** Weights of linear sites as `[out, in]`, however the checkpoint stores them: transposed, or several in one matrix. */
import type { Parameters } from "@cambium/core";
import { add, mul, pad, slice, sub, type Tensor, type Tensor1D, type Tensor2D, transpose } from "@tensorflow/tfjs-core";
import type { LinearTarget } from "./targets.ts";
import { overlay, tidyParameters } from "./trees.ts";

/** A layer's own matrix, `[out, in]`. */
export function readMatrix(base: Parameters, { weight, columns }: LinearTarget): Tensor2D {
  const stored = base.get(weight.name)! as Tensor2D;
  const whole = weight.layout === "out,in" ? stored : transpose(stored);
  return columns === undefined ? whole : slice(whole, [columns[0], 0], [columns[1] - columns[0], -1]);
}

/** The stored weight with `update` `[out, in]` added at the layer's part of it. */
export function addToMatrix(base: Parameters, { weight, columns }: LinearTarget, update: Tensor2D): Tensor {
  const stored = base.get(weight.name)!;
  const rows = stored.shape[weight.layout === "out,in" ? 0 : 1]!;
  const placed =
    columns === undefined
      ? update
      : pad(update, [
          [columns[0], rows - columns[1]],
          [0, 0],
        ]);
  return add(stored, weight.layout === "out,in" ? placed : transpose(placed));
}

/** The stored bias, times `scale` `[out]` at the layer's part of it. */
export function scaleBias(base: Parameters, { bias, columns }: LinearTarget, scale: Tensor1D): Tensor {
  const stored = base.get(bias!)!;
  return mul(stored, columns === undefined ? scale : pad(scale, [[columns[0], stored.size - columns[1]]], 1));
}

/** The stored bias, with the layer's part of it changed. */
export function replaceBias(
  base: Parameters,
  { bias, columns }: LinearTarget,
  change: (own: Tensor1D) => Tensor1D,
): Tensor {
  const stored = base.get(bias!)! as Tensor1D;
  if (columns === undefined) return change(stored);
  const own = slice(stored, [columns[0]], [columns[1] - columns[0]]);
  return add(stored, pad(sub(change(own), own), [[columns[0], stored.size - columns[1]]]));
}

/**
 * The weights that a change at each place leaves, and no others. Places may share a matrix: each sees what those before
 * it made. The caller owns the result.
 *
 * @param change - The entries that one place changes, from all weights as they are by then.
 */
export function changeWeights<Place>(
  base: Parameters,
  places: readonly Place[],
  change: (weights: Parameters, place: Place) => readonly (readonly [name: string, value: Tensor])[],
): Map<string, Tensor> {
  return tidyParameters(() =>
    places.reduce<Parameters>(
      (changed, place) => overlay(changed, new Map(change(overlay(base, changed), place))),
      new Map(),
    ),
  );
}
