import { ConfigError, parseConfig } from "@cambium/base";
import { sub, type Tensor, tidy } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { AnyModel } from "../attach.ts";
import type { Delta } from "../delta.ts";
import { hostOf } from "../host.ts";
import type { LoraConfig } from "../methods/lora.ts";
import { findTargets, type LinearTarget } from "../targets.ts";
import { cutTo } from "./cut.ts";
import { type Factors, loraFromFactors } from "./lora-from-factors.ts";

/** Settings of `toLora`: one of the two. */
export interface ToLoraOptions {
  /** Rank of every layer; of those whose change has fewer ranks, these. */
  readonly rank?: number;
  /** The least rank that holds this share of a layer's change, of the sum of its squared singular values: above 0 to 1. */
  readonly share?: number;
}

/** A LoRA, and how near it is. */
export interface LoraConversion {
  /** The caller owns its tensors. */
  readonly delta: Delta<LoraConfig>;
  readonly layers: readonly {
    readonly path: string;
    readonly rank: number;
    /** Of the sum of the squared singular values of the change; 1 is all. */
    readonly share: number;
  }[];
}

const schema = z.strictObject({
  rank: z.int().positive().exactOptional(),
  share: z.number().gt(0).max(1).exactOptional(),
});

/**
 * The LoRA nearest to a delta that amounts to changes of linear layers' weights: the singular values of each change, cut off. It has
 * a scale of 1, and layers whose weights do not change are not in it.
 *
 * For DoRA, VeRA, AdaLoRA, (IA)³ without biases, masks, whole weights, LoRAs of a higher rank, and whatever else `merge` takes. A
 * change of full rank takes `O(width³)`: some ten seconds for a layer of 768 x 768.
 *
 * @param model - The model that the delta was made for: what the change is depends on its weights. Not changed.
 * @throws {ConfigError} When the delta is none of weights, or changes others than those of linear layers, such as biases or norms;
 *   names them. When it changes nothing, as before training.
 * @example
 * const { delta, layers } = await toLora(base, trainedDora, { share: 0.99 });
 */
export async function toLora(model: AnyModel, delta: Delta, options: ToLoraOptions): Promise<LoraConversion> {
  const { rank, share } = parseConfig("toLora", schema, options);
  const fail = (message: string): ConfigError => new ConfigError({ message: `toLora: ${message}`, delta: delta.name });
  if ((rank === undefined) === (share === undefined)) throw fail('pass "rank" or "share", one of the two');
  if (delta.merge === undefined)
    throw fail(`no weights of the base do what "${delta.name}" (${delta.kind}) does, so no LoRA does either`);
  const shape = hostOf(model);
  const changed = delta.merge(model.parameters, delta);
  const places = new Map(
    findTargets("toLora", shape, { targets: "all-linear" }).map((place) => [place.weight.name, place]),
  );
  const choose = rank ?? ((values: readonly number[]) => leastRank(values, share!));
  const layers = new Map<string, Factors & { readonly share: number }>();
  const others: string[] = [];
  try {
    for (const [name, value] of changed) {
      const update = await valuesOf(model.parameters.get(name)!, value);
      if (update.every((each) => each === 0)) continue;
      const place = places.get(name);
      if (place === undefined) others.push(name);
      else layers.set(place.site.path, toFactors(update, place, choose));
    }
  } finally {
    for (const value of changed.values()) value.dispose();
  }
  if (others.length > 0)
    throw fail(
      `"${delta.name}" (${delta.kind}) also changes ${others.join(", ")}, which are no matrices of linear layers; merge it instead`,
    );
  if (layers.size === 0) throw fail(`"${delta.name}" (${delta.kind}) changes nothing: it is as it was made`);
  return {
    delta: loraFromFactors(shape, layers, 0),
    layers: [...layers].map(([path, each]) => ({ path, rank: each.rank, share: each.share })),
  };
}

async function valuesOf(before: Tensor, after: Tensor): Promise<ArrayLike<number> & { every: Float32Array["every"] }> {
  const difference = tidy(() => sub(after, before));
  try {
    return (await difference.data()) as Float32Array;
  } finally {
    difference.dispose();
  }
}

function toFactors(
  update: ArrayLike<number>,
  { input, output, weight }: LinearTarget,
  choose: number | ((values: readonly number[]) => number),
): Factors & { readonly share: number } {
  const at = (row: number, column: number): number =>
    update[weight.layout === "out,in" ? row * input + column : column * output + row]!;
  const columns = Array.from({ length: input }, (_, c) => Float64Array.from({ length: output }, (__, r) => at(r, c)));
  const { factors, share } = cutTo(columns, choose);
  return { ...factors, share };
}

/** How many singular values hold a share of the sum of their squares. */
function leastRank(values: readonly number[], share: number): number {
  const total = values.reduce((sum, value) => sum + value ** 2, 0);
  let sum = 0;
  const rank = values.findIndex((value) => {
    sum += value ** 2;
    return sum >= share * total * (1 - 1e-12);
  });
  return rank < 0 ? values.length : rank + 1;
}
