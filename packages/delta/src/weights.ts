/** Weights of linear sites as `[out, in]`, however the checkpoint stores them: transposed, or several in one matrix. */
import type { Parameters, Site } from "@cambium/core";
import { add, mul, pad, slice, type Tensor, type Tensor1D, type Tensor2D, transpose } from "@tensorflow/tfjs-core";
import { overlay, tidyParameters } from "./trees.ts";

/** A site's own matrix, `[out, in]`. */
export function readMatrix(base: Parameters, { weight }: Site): Tensor2D {
  const { name, layout, columns } = weight!;
  const stored = base.get(name)! as Tensor2D;
  const whole = layout === "out,in" ? stored : transpose(stored);
  return columns === undefined ? whole : slice(whole, [columns[0], 0], [columns[1] - columns[0], -1]);
}

/** The stored weight with `update` `[out, in]` added at the site's part of it. */
export function addToMatrix(base: Parameters, { weight }: Site, update: Tensor2D): Tensor {
  const { name, layout, columns } = weight!;
  const stored = base.get(name)!;
  const rows = stored.shape[layout === "out,in" ? 0 : 1]!;
  const placed =
    columns === undefined
      ? update
      : pad(update, [
          [columns[0], rows - columns[1]],
          [0, 0],
        ]);
  return add(stored, layout === "out,in" ? placed : transpose(placed));
}

/** Name of the bias beside a site's weight, whether or not there is one. */
export function biasName({ weight }: Site): string {
  return weight!.name.replace(/weight$/, "bias");
}

/** The stored bias, times `scale` `[out]` at the site's part of it. */
export function scaleBias(base: Parameters, site: Site, scale: Tensor1D): Tensor {
  const stored = base.get(biasName(site))!;
  const { columns } = site.weight!;
  return mul(stored, columns === undefined ? scale : pad(scale, [[columns[0], stored.size - columns[1]]], 1));
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
