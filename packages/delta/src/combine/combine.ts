/**
 * One LoRA out of several. `combine` checks what it is given and walks over the layers; what is done with the matrices of one is in
 * `joinFactors` (on A and B) and `joinProducts` (on `B A`).
 */
import { ConfigError, parseConfig } from "@cambium/base";
import type { Random } from "@cambium/core";
import { dispose } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { Delta } from "../delta.ts";
import { checkPlain, factorsAt, type LoraConfig, type LoraPlace, loraPlaces } from "../methods/lora.ts";
import { hasResidual } from "../methods/lora-starts.ts";
import { cutTo } from "./cut.ts";
import { type Factors, loraFromFactors } from "./lora-from-factors.ts";
import {
  agreeingMean,
  drawMask,
  dropAtRandom,
  type KeepMask,
  keepLargest,
  type SignRule,
  weightedSum,
} from "./pruning.ts";

/** How deltas are combined, under PEFT's names. */
export type Combination =
  | "cat"
  | "svd"
  | "linear"
  | "ties"
  | "dare_linear"
  | "dare_ties"
  | "magnitude_prune"
  | "ties_svd"
  | "dare_linear_svd"
  | "dare_ties_svd"
  | "magnitude_prune_svd";

/** Settings of `combine`. */
export interface CombineOptions {
  /**
   * - `"cat"`: exact. A and B are joined, so that ranks add up.
   * - `"svd"`: the sum, cut to `rank`: the nearest matrix of that rank.
   * - `"linear"`, `"ties"`, `"dare_linear"`, `"dare_ties"`, `"magnitude_prune"`: on A and on B by themselves, for deltas of one
   *   rank. The product has cross terms `B₁ A₂`, which belong to neither delta: a rough approximation.
   * - the same names with `_svd`: on the products `B A`, cut to `rank`.
   *
   * @default "cat"
   */
  readonly method?: Combination;
  /** Rank of the result, where it is cut. @default the highest of the deltas */
  readonly rank?: number;
  /** Share of the entries that stay, above 0 to 1, where entries are dropped. */
  readonly density?: number;
  /** Which sign wins, for TIES. @default "total" */
  readonly sign?: SignRule;
  /** Where DARE's choices come from. */
  readonly random?: Random;
}

const methods = ["cat", "svd", "linear", "ties", "dare_linear", "dare_ties", "magnitude_prune"] as const;
const onProducts = ["ties_svd", "dare_linear_svd", "dare_ties_svd", "magnitude_prune_svd"] as const;

const schema = z.strictObject({
  method: z.enum([...methods, ...onProducts]).default("cat"),
  rank: z.int().positive().exactOptional(),
  density: z.number().gt(0).max(1).exactOptional(),
  sign: z.enum(["total", "frequency"]).exactOptional(),
  random: z.custom<Random>((value) => Object(value) === value, "must be randomness, such as random(1)").exactOptional(),
});

/** Settings, checked against each other. */
interface Plan {
  readonly method: Combination;
  readonly rank?: number;
  readonly density: number;
  readonly sign: SignRule;
  /** Masks of DARE, by what they are for. */
  keep(path: string, which: "A" | "B" | "product", member: number, count: number): KeepMask;
}

/** One delta at one layer. */
interface Member {
  readonly number: number;
  readonly place: LoraPlace;
  readonly weight: number;
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
}

/**
 * One LoRA that does what several do together, each times its weight: PEFT's `add_weighted_adapter`.
 *
 * Scales (rsLoRA and patterns included) are folded into the matrices, and the result has a scale of 1: one delta with a weight of 1
 * gives itself, but for rounding, by every method that drops nothing. At layers that a delta does not touch it takes no part. Dropout
 * is that of the first. Numbers are computed in double precision on the host.
 *
 * @param deltas - LoRAs on one model, with a weight each, any finite number. Others become LoRAs by `toLora`. Not disposed of.
 * @returns A LoRA. The caller owns its tensors.
 * @throws {ConfigError} For deltas that are no LoRAs, of models that differ, or of ranks that differ where one is needed; for settings
 *   that the method does not have, or lacks.
 * @see Yadav et al. 2023, TIES-Merging, arXiv:2306.01708; Yu et al. 2023, DARE, arXiv:2311.03099.
 * @example
 * const both = await combine([[style, 0.7], [facts, 0.3]], { method: "svd", rank: 8 });
 */
export async function combine(
  deltas: readonly (readonly [delta: Delta, weight: number])[],
  options: CombineOptions = {},
): Promise<Delta<LoraConfig>> {
  const plan = planOf(options);
  return combineAs(deltas, plan);
}

/** `combine` with choices of any origin in place of DARE's. */
export async function combineAs(
  deltas: readonly (readonly [delta: Delta, weight: number])[],
  plan: Plan,
): Promise<Delta<LoraConfig>> {
  const checked = checkDeltas(deltas);
  const shape = checked[0]![0].shape;
  const members = new Map<string, Member[]>();
  for (const [number, [delta, weight]] of checked.entries()) {
    for (const place of loraPlaces(delta.shape, delta.config)) {
      const { a, b } = factorsAt({ ...delta, shape: delta.shape }, place.site.path);
      const own = members.get(place.site.path) ?? [];
      const here = { ...place, rank: a.shape[0] }; // twice the setting's where a start is taken off
      members.set(place.site.path, [...own, { number, place: here, weight, a: await a.data(), b: await b.data() }]);
      if (hasResidual(delta.config.init)) dispose([a, b]); // made here; others are the delta's own
    }
  }
  const layers = new Map<string, Factors>();
  for (const [path, own] of members) {
    checkAlike(path, own);
    layers.set(path, isOnProducts(plan.method) ? joinProducts(own, plan) : joinFactors(own, plan));
  }
  return loraFromFactors(shape, layers, checked[0]![0].config.dropout);
}

const isOnProducts = (method: Combination): boolean => method.endsWith("svd");

function planOf(options: CombineOptions): Plan {
  const { method, rank, density, sign, random } = parseConfig("combine", schema, options);
  const fail = (message: string): ConfigError => new ConfigError({ message: `combine: ${message}`, method });
  const drops = !["cat", "svd", "linear"].includes(method);
  if (rank !== undefined && !isOnProducts(method))
    throw fail(`"${method}" has no "rank"; ${method === "cat" ? "ranks add up" : "it keeps that of the deltas"}`);
  if (drops && density === undefined) throw fail(`"${method}" needs a "density", above 0 to 1`);
  if (!drops && density !== undefined) throw fail(`"${method}" drops nothing, so it has no "density"`);
  if (sign !== undefined && !method.includes("ties")) throw fail(`"${method}" elects no "sign"`);
  const isRandom = method.startsWith("dare");
  if (isRandom && random === undefined) throw fail(`"${method}" drops at random; pass random: random(seed)`);
  if (!isRandom && random !== undefined) throw fail(`"${method}" draws nothing, so it takes no "random"`);
  const share = density ?? 1;
  return {
    method: method as Combination,
    ...(rank !== undefined && { rank }),
    density: share,
    sign: sign ?? "total",
    keep: (path, which, member, count) => drawMask(count, share, random!.at(member).at(path).at(which)),
  };
}

function checkDeltas(deltas: readonly (readonly [Delta, number])[]): readonly (readonly [Delta<LoraConfig>, number])[] {
  if (!Array.isArray(deltas) || deltas.length === 0 || deltas.some((each) => !Array.isArray(each)))
    throw new ConfigError({ message: "combine: pass pairs of a delta and its weight, [[a, 0.7], [b, 0.3]]" });
  return deltas.map(([delta, weight], i) => {
    if (typeof weight !== "number" || !Number.isFinite(weight))
      throw new ConfigError({ message: `combine: weight ${i} must be a finite number, got ${String(weight)}` });
    if (delta.kind === "lora") return [checkPlain("combine", delta as Delta<LoraConfig>), weight];
    const parts = "parts" in delta ? "; it is a stack: pass its parts one by one, without heads" : "";
    throw new ConfigError({
      message: `combine: delta ${i} is of the kind "${delta.kind}", and LoRAs are combined${parts === "" ? "; make it one by toLora(model, delta, …)" : parts}`,
      kind: delta.kind,
    });
  });
}

function checkAlike(path: string, members: readonly Member[]): void {
  const [first] = members;
  const other = members.find(({ place }) => place.input !== first!.place.input || place.output !== first!.place.output);
  if (other === undefined) return;
  const show = ({ place }: Member): string => `${place.input} to ${place.output}`;
  throw new ConfigError({
    message: `combine: at ${path} one delta is for a layer of ${show(first!)}, another for one of ${show(other)}; they are of different models`,
    path,
  });
}

const toDouble = (values: ArrayLike<number>, factor = 1): Float64Array =>
  Float64Array.from(values, (value) => value * factor);

/** A and B of one layer, of A's and B's. */
function joinFactors(members: readonly Member[], plan: Plan): Factors {
  if (plan.method === "cat") return catenate(members);
  const ranks = new Set(members.map(({ place }) => place.rank));
  if (ranks.size > 1) {
    throw new ConfigError({
      message: `combine: "${plan.method}" adds A to A, and at ${members[0]!.place.site.path} ranks are ${[...ranks].join(", ")}; use "cat" or "svd"`,
      ranks: [...ranks],
    });
  }
  // The sign goes to one side, so that it is not squared away.
  const sizes = members.map(({ weight, place }) => Math.sqrt(Math.abs(weight * place.scale)));
  const signed = members.map(({ weight, place }, i) => Math.sign(weight * place.scale || 1) * sizes[i]!);
  const side = (which: "A" | "B", weights: readonly number[]): Float64Array =>
    join(
      members.map(({ a, b }) => toDouble(which === "A" ? a : b)),
      weights,
      members,
      which,
      plan,
    );
  return { rank: [...ranks][0]!, a: side("A", signed), b: side("B", sizes) };
}

/** Several tensors of one shape as one. */
function join(
  tensors: readonly Float64Array[],
  weights: readonly number[],
  members: readonly Member[],
  which: "A" | "B" | "product",
  { method, density, sign, keep }: Plan,
): Float64Array {
  const { path } = members[0]!.place.site;
  const thinned = tensors.map((tensor, i) => {
    if (method === "linear" || method === "svd") return tensor;
    if (!method.startsWith("dare")) return keepLargest(tensor, density);
    return density < 1 ? dropAtRandom(tensor, density, keep(path, which, members[i]!.number, tensor.length)) : tensor;
  });
  return method.includes("ties") ? agreeingMean(thinned, weights, sign) : weightedSum(thinned, weights);
}

/** `[w₁ s₁ A₁; w₂ s₂ A₂]` and `[B₁, B₂]` */
function catenate(members: readonly Member[]): Factors {
  const rank = members.reduce((sum, { place }) => sum + place.rank, 0);
  const { output } = members[0]!.place;
  const a = members.flatMap(({ a, weight, place }) => Array.from(a, (value) => value * weight * place.scale));
  const b = Array.from({ length: output }, (_, row) =>
    members.flatMap(({ b: each, place }) => Array.from({ length: place.rank }, (__, i) => each[row * place.rank + i]!)),
  ).flat();
  return { rank, a, b };
}

/** The sum of products, cut to a rank. */
function joinProducts(members: readonly Member[], plan: Plan): Factors {
  const { input, output } = members[0]!.place;
  const rank = plan.rank ?? Math.max(...members.map(({ place }) => place.rank));
  const weights = members.map(({ weight }) => weight);
  const sum = join(members.map(productOf), weights, members, "product", plan);
  const columns = Array.from({ length: input }, (_, c) =>
    Float64Array.from({ length: output }, (__, r) => sum[r * input + c]!),
  );
  return cutTo(columns, rank).factors;
}

/** `s B A`, row by row. */
function productOf({ a, b, place: { rank, input, output, scale } }: Member): Float64Array {
  const product = new Float64Array(output * input);
  for (let row = 0; row < output; row++) {
    for (let i = 0; i < rank; i++) {
      const factor = scale * b[row * rank + i]!;
      for (let column = 0; column < input; column++) product[row * input + column]! += factor * a[i * input + column]!;
    }
  }
  return product;
}
