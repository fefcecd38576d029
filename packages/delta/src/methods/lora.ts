/**
 * LoRA: a product of two thin matrices beside each chosen linear layer.
 *
 * Every method reads like this file. `parse` settles what the options mean for a model, `tensors` says which there will be
 * and how they start, `hooks` puts them to work at any values, and `merge` is the same as a change of weights. None of
 * them keeps anything: what they need is in their arguments.
 */
import { parseConfig } from "@cambium/base";
import { applyLinear, around, dropout as drop, type Start, zeroStart } from "@cambium/core";
import { add, matMul, mul, scalar, type Tensor2D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { loraFormat } from "../files/peft-lora.ts";
import { defaultRoles, type Host, oncePerPair } from "../host.ts";
import { commonDropout, type LowRank, lowRankPerRow } from "../low-rank-rows.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import {
  type LinearTarget,
  nameTargets,
  patternsKey,
  placesOf,
  type TargetOptions,
  targetKeys,
  valuesOf,
} from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";

/** Settings of `lora`. */
export interface LoraOptions extends TargetOptions {
  /** Rows of A and columns of B. @default 8 */
  readonly rank?: number | undefined;
  /** Numerator of the scale. @default the rank, so that the scale of plain LoRA is 1 */
  readonly alpha?: number | undefined;
  /** Fraction of the input that A does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
  /** Scale by `alpha / √rank` in place of `alpha / rank`: rank-stabilised LoRA (Kalajdzievski 2023, arXiv:2312.03732). @default false */
  readonly rsLora?: boolean | undefined;
  /** How A starts; B is zero. `"default"`: uniform on ±1/√input. `"gaussian"`: normal with deviation 1/rank. @default "default" */
  readonly init?: "default" | "gaussian" | undefined;
  /**
   * Other ranks for some layers: a regular expression for the end of the path, and the rank. The first match holds. Expressions
   * are Python's, as PEFT's files have them. @default {}
   */
  readonly rankPattern?: Readonly<Record<string, number>> | undefined;
  /** Other alphas for some layers, likewise. @default {} */
  readonly alphaPattern?: Readonly<Record<string, number>> | undefined;
}

/** A LoRA as JSON: every setting, and its layers by name. */
export interface LoraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rsLora: boolean;
  readonly init: "default" | "gaussian";
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
}

const rank = z.int().positive();
const schema = z.strictObject({
  ...targetKeys,
  rank: rank.default(8),
  alpha: z.number().positive().optional(),
  dropout: z.number().min(0).lt(1).default(0),
  rsLora: z.boolean().default(false),
  init: z.enum(["default", "gaussian"]).default("default"),
  rankPattern: patternsKey(rank),
  alphaPattern: patternsKey(z.number().positive()),
});

/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685): `y = W x + s · B A x`, A `[rank, in]`, B `[out, rank]`, `s = alpha / rank`.
 *
 * B starts at zero, so the model is unchanged until the first step. Trains `rank · (in + out)` scalars for each layer;
 * by default the query and value layers, as the paper does, or the layer that holds them where they are one.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, lora(base, { rank: 8, targets: ["attn.q", "attn.v"] }, random(1)));
 */
export const lora: Method<LoraOptions, LoraConfig> = method<LoraOptions, LoraConfig>({
  kind: "lora",
  parse: (options, shape) => parseLora("lora", options, shape),
  tensors: (shape, config) => ({ trained: loraTensors(shape, config) }),
  hooks: (at) => [
    around(
      "linear",
      (site) => at.parameters.has(nameA(site.path)),
      ({ site, input, next, context }) => {
        const { a, b, scale } = factorsAt(at, site.path);
        const x = context.training ? drop(input, at.config.dropout, context.random) : input;
        const narrow = applyLinear(x, a); // [..., rank]
        return add(next(input), applyLinear(mul(narrow, scalar(scale)), b));
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, loraPlaces(at.shape, at.config), (weights, place) => {
      const { a, b, scale } = factorsAt(at, place.site.path);
      const update = mul(matMul(b, a), scalar(scale)) as Tensor2D;
      return [[place.weight.name, addToMatrix(weights, place, update)]];
    }),
  scale: scaleLora,
  perRow: (members) => [
    lowRankPerRow(
      members.map((at) => (path) => (at?.parameters.has(nameA(path)) ? factorsAt(at, path) : undefined)),
      commonDropout(members),
    ),
  ],
  peft: loraFormat,
});

/** The config that options of LoRA, or of a method with the same ones, mean. */
export function parseLora(kind: string, options: LoraOptions, shape: Host): LoraConfig {
  const { targets, exclude, layers, ...settings } = parseConfig(kind, schema, options);
  const roles = targets ?? defaultRoles(shape, [kind, "lora"], ["attn.q", "attn.v"]);
  return {
    ...settings,
    alpha: settings.alpha ?? settings.rank,
    targets: nameTargets(kind, shape, { targets: roles, exclude, layers }),
  };
}

/** The config whose scale is `factor` times as large at every layer. There is none for factors that are not positive. */
export function scaleLora(config: LoraConfig, factor: number): LoraConfig | undefined {
  if (factor <= 0) return undefined;
  const { alpha, alphaPattern } = config;
  const values = Object.entries(alphaPattern).map(([pattern, value]) => [pattern, value * factor]);
  return { ...config, alpha: alpha * factor, alphaPattern: Object.fromEntries(values) };
}

/** A and B of every layer. */
export function loraTensors(shape: Host, config: LoraConfig): ReadonlyMap<string, DeltaTensor> {
  return new Map(
    loraPlaces(shape, config).flatMap(({ site, input, output, rank }): [string, DeltaTensor][] => [
      [nameA(site.path), { shape: [rank, input], start: startA(config, rank, input), key: [site.path] }],
      [nameB(site.path), { shape: [output, rank], start: zeroStart }],
    ]),
  );
}

const nameA = (path: string): string => `${path}.lora_A.weight`;
const nameB = (path: string): string => `${path}.lora_B.weight`;

function startA({ init }: LoraConfig, rank: number, input: number): Start {
  const bound = 1 / Math.sqrt(input);
  return init === "gaussian" ? { kind: "normal", deviation: 1 / rank } : { kind: "uniform", low: -bound, high: bound };
}

/** A layer with a LoRA. */
export interface LoraPlace extends LinearTarget {
  readonly rank: number;
  readonly scale: number;
}

/** Settings that give each layer its rank and its scale. */
export interface RankConfig extends Pick<LoraConfig, "targets" | "rank" | "alpha" | "rankPattern" | "alphaPattern"> {
  readonly rsLora?: boolean;
}

/** The layers of a config, with the rank and the scale that patterns give each. */
export const loraPlaces: (shape: Host, config: RankConfig) => readonly LoraPlace[] = oncePerPair((shape, config) => {
  const [rankOf, alphaOf] = [valuesOf(config.rankPattern), valuesOf(config.alphaPattern)];
  return placesOf(shape, config).map((place) => {
    const rank = rankOf(place.site.path) ?? config.rank;
    const alpha = alphaOf(place.site.path) ?? config.alpha;
    return { ...place, rank, scale: alpha / (config.rsLora === true ? Math.sqrt(rank) : rank) };
  });
});

const scalesOf = oncePerPair(
  (shape: Host, config: RankConfig) => new Map(loraPlaces(shape, config).map(({ site, scale }) => [site.path, scale])),
);

/** The scale at a layer. */
export function scaleAt(shape: Host, config: RankConfig, path: string): number {
  return scalesOf(shape, config).get(path)!;
}

/** A, B and the scale at a layer. */
export function factorsAt({ parameters, shape, config }: DeltaPoint<LoraConfig>, path: string): LowRank {
  return {
    a: parameters.get(nameA(path))! as Tensor2D,
    b: parameters.get(nameB(path))! as Tensor2D,
    scale: scaleAt(shape, config, path),
  };
}
