/** Tuned models as one, each delta in its own way: LoRAs by their products, all else tensor by tensor. */
import { ConfigError } from "@cambium/base";
import { disposeParameters, type Parameters, type Random } from "@cambium/core";
import { type AnyModel, attach, type Combination, combine, type Delta, named, type Tuned } from "@cambium/delta";
import { checkSettings } from "../points/point.ts";
import { tieKnots } from "./knots.ts";
import { mergePoints } from "./merge-points.ts";
import { type MergeRecipe, planMerge } from "./recipe.ts";

/** Kinds whose change is linear in their numbers, or that are averaged number by number as a rule (adapters, prompts). */
const BY_NUMBER: readonly string[] = [
  "whole",
  "head",
  "norms",
  "bitFit",
  "tokens",
  "arbitrary",
  "ia3",
  "adapter",
  "prompt",
  "prefix",
  "pTuning",
  "fourierFt",
  "c3a",
];

/** Settings of `mergeTuned`. */
export interface MergeTunedOptions extends Pick<MergeRecipe, "density" | "sign"> {
  /** @default "linear" */
  readonly method?: "linear" | "ties" | "dare-linear" | "dare-ties";
  /** What each model counts. @default 1 / models */
  readonly weights?: readonly number[];
  /** Rank of the merged LoRAs. @default the sum of ranks for `"linear"`, which is exact; else the highest */
  readonly rank?: number;
  /**
   * Whether LoRAs are merged in one basis of all of them (KnOTS), and not entry by entry of their products: for methods that drop
   * entries or elect signs, which mean little in a basis that no LoRA shares. @default false
   */
  readonly knots?: boolean;
  /** Where choices come from, for methods that drop at random. */
  readonly random?: Random;
}

/**
 * One tuned model out of several on one base. LoRAs are merged by their products `B A`, so that rotations between factors and unlike
 * ranks do not matter; merged factors would hold cross terms `B₁ A₂` of neither model. With `knots` that happens in a basis of them all. Replaced weights (`whole`, `head`) are merged
 * as changes from the base's, other deltas tensor by tensor.
 *
 * @param models - On one base, with deltas of the same names and kinds. Not disposed of.
 * @returns A tuned model on that base. The caller owns the tensors of its deltas.
 * @throws {ConfigError} When bases, deltas or settings of deltas differ, a delta is of factors and no LoRA, or a setting cannot be meant.
 * @example
 * const both = await mergeTuned([a, b], { method: "ties", density: 0.3, rank: 16 });
 */
export async function mergeTuned<M extends AnyModel>(
  models: readonly Tuned<M>[],
  options: MergeTunedOptions = {},
): Promise<Tuned<M>> {
  const { method = "linear", weights, rank, density, sign, knots = false, random, ...unknown } = options;
  const fail = (message: string): ConfigError => new ConfigError({ message: `mergeTuned: ${message}` });
  const [first] = models;
  if (first === undefined) throw fail("there are no models");
  if (!["linear", "ties", "dare-linear", "dare-ties"].includes(method))
    throw fail(`method must be "linear", "ties", "dare-linear" or "dare-ties", got "${method}"`);
  const shares = weights ?? models.map(() => 1 / models.length);
  if (shares.length !== models.length) throw fail(`${shares.length} weights for ${models.length} models`);
  if (shares.every((share) => share === 0)) throw fail("the weights are all 0, so that nothing would be merged");
  if (density !== undefined && typeof density !== "number") throw fail("density must be one number for all");
  if (typeof knots !== "boolean") throw fail(`knots must be true or false, got ${JSON.stringify(knots)}`);
  if (random !== undefined && !method.startsWith("dare"))
    throw fail(`"${method}" draws nothing, so it takes no "random"`);
  if (random === undefined && method.startsWith("dare"))
    throw fail(`"${method}" drops at random; give random: random(seed)`);
  const unread = (["density", "sign"] as const).find((key) => method === "linear" && options[key] !== undefined);
  if (unread !== undefined) throw fail(`"linear" reads no "${unread}"; is method "ties" meant?`);
  const settings = { ...(density !== undefined && { density }), ...(sign !== undefined && { sign }) };
  const recipe: MergeRecipe = {
    method: method === "linear" ? "task-arithmetic" : method,
    weight: { each: shares },
    ...settings,
    ...unknown,
  };
  planMerge(recipe, models.length); // before anything is computed
  if (models.some(({ base }) => base !== first.base))
    throw fail("the models are on different bases; put them on one by tuned.on(base)");
  const kinds = ({ deltas }: Tuned<M>): string => deltas.map(({ name, kind }) => `${name} (${kind})`).join(", ");
  const other = models.find((model) => kinds(model) !== kinds(first));
  if (other !== undefined) throw fail(`the models have different deltas: ${kinds(first)}, and ${kinds(other)}`);
  const product = first.deltas.find(({ kind }) => !BY_NUMBER.includes(kind) && kind !== "lora");
  if (product !== undefined) {
    throw fail(
      `numbers of a delta of the kind "${product.kind}" are factors, whose means are not the factors of the mean; make it a LoRA first by toLora(model, delta, …)`,
    );
  }
  // Products of LoRAs mean the same whatever their settings; other numbers do not.
  for (const [i, { kind }] of first.deltas.entries())
    if (kind !== "lora")
      checkSettings(
        "mergeTuned",
        models.map(({ deltas }) => ({ deltas: [deltas[i]!] })),
      );
  const merged: Delta[] = [];
  try {
    for (const [i, delta] of first.deltas.entries()) {
      const members = models.map((model) => model.deltas[i]!);
      if (delta.kind === "lora" && knots) {
        const one = await tieKnots(members, recipe, random?.at(delta.name));
        merged.push(named(delta.name, rank === undefined ? one : await cut(one, rank)));
        continue;
      }
      if (delta.kind === "lora") {
        const ofProducts =
          method === "linear" ? (rank === undefined ? "cat" : "svd") : `${method.replace("-", "_")}_svd`;
        const one = await combine(
          members.map((member, k) => [member, shares[k]!] as const),
          {
            method: ofProducts as Combination,
            ...settings,
            ...(rank !== undefined && { rank }),
            ...(random !== undefined && { random: random.at(delta.name) }),
          },
        );
        merged.push(named(delta.name, one));
        continue;
      }
      const base = delta.method.replaces === true ? starts(delta, first.base) : ("zero" as const);
      const more = { ...recipe, base, ...(random !== undefined && { random: random.at(delta.name) }) };
      const parameters = await mergePoints(members, more);
      merged.push({ ...delta, parameters });
    }
    return attach(first.base, ...merged);
  } catch (error) {
    for (const { parameters } of merged) disposeParameters(parameters);
    throw error;
  }
}

/** A LoRA at a lower rank, in place of the one that is given. */
async function cut(delta: Delta, rank: number): Promise<Delta> {
  try {
    return await combine([[delta, 1]], { method: "svd", rank });
  } finally {
    disposeParameters(delta.parameters);
  }
}

/** The base's weights that a delta replaces. */
const starts = ({ parameters }: Delta, base: AnyModel): Parameters =>
  new Map([...parameters.keys()].map((name) => [name, base.parameters.get(name)!]));
