/**
 * LoRA: a product of two thin matrices beside each chosen linear layer.
 *
 * Every method reads like this file. `parse` settles what the options mean for a model, `tensors` says which there will be
 * and how they start, `hooks` puts them to work at any values, and `merge` is the same as a change of weights. None of
 * them keeps anything: what they need is in their arguments.
 */
import { ConfigError, parseConfig } from "@cambium/base";
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
import { computedStart, hasResidual, type LoraInit, withoutStart } from "./lora-starts.ts";

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
  /**
   * How A and B start.
   *
   * - `"default"`: B at zero, A uniform on ±1/√input;
   * - `"gaussian"`: B at zero, A normal with deviation 1/rank;
   * - `"orthogonal"`: neither at zero, but their product, for an even rank;
   * - `"pissa"`: the largest singular values of the layer's weight (Meng et al. 2024, arXiv:2404.02948);
   * - `"olora"`: the first rows of its QR factors (Büyükakyüz 2024, arXiv:2406.01775).
   *
   * Of the last two the product at the start is taken off again, where PEFT changes the base instead: frozen copies stay beside the
   * LoRA, and PEFT's files hold a plain one of twice the rank. @default "default"
   */
  readonly init?: LoraInit | undefined;
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
  readonly init: LoraInit;
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
  init: z.enum(["default", "gaussian", "orthogonal", "pissa", "olora"]).default("default"),
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
  tensors: (shape, config) => ({
    trained: loraTensors(shape, config),
    frozen: hasResidual(config.init) ? startTensors(shape, config) : new Map(),
  }),
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
  if (kind !== "lora" && hasResidual(settings.init))
    throw new ConfigError({
      message: `${kind}: init "${settings.init}" is a start of lora alone`,
      init: settings.init,
    });
  return {
    ...settings,
    alpha: settings.alpha ?? settings.rank,
    targets: nameTargets(kind, shape, { targets: roles, exclude, layers }),
  };
}

/** The config whose scale is `factor` times as large at every layer. There is none for factors that are not positive. */
function scaleLora(config: LoraConfig, factor: number): LoraConfig | undefined {
  if (factor <= 0) return undefined;
  const { alpha, alphaPattern } = config;
  const values = Object.entries(alphaPattern).map(([pattern, value]) => [pattern, value * factor]);
  return { ...config, alpha: alpha * factor, alphaPattern: Object.fromEntries(values) };
}

/** A and B of every layer. */
export function loraTensors(shape: Host, config: LoraConfig): ReadonlyMap<string, DeltaTensor> {
  return new Map(
    loraPlaces(shape, config).flatMap((place): [string, DeltaTensor][] => {
      const { path } = place.site;
      return [
        [nameA(path), { shape: [place.rank, place.input], start: startOf(config, place, "a"), key: [path] }],
        [nameB(path), { shape: [place.output, place.rank], start: startOf(config, place, "b"), key: [path] }],
      ];
    }),
  );
}

/** What A and B started as, for starts whose product is taken off. */
function startTensors(shape: Host, config: LoraConfig): ReadonlyMap<string, DeltaTensor> {
  return new Map([...loraTensors(shape, config)].map(([name, tensor]) => [`${name}.start`, tensor]));
}

const nameA = (path: string): string => `${path}.lora_A.weight`;
const nameB = (path: string): string => `${path}.lora_B.weight`;

function startOf({ init }: LoraConfig, place: LoraPlace, which: "a" | "b"): Start {
  if (init === "orthogonal" || hasResidual(init)) return computedStart(init as "pissa", place, which);
  if (which === "b") return zeroStart;
  const bound = 1 / Math.sqrt(place.input);
  return init === "gaussian"
    ? { kind: "normal", deviation: 1 / place.rank }
    : { kind: "uniform", low: -bound, high: bound };
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

/** A, B and the scale at a layer; where the product at the start is taken off, both of twice the rank. */
export function factorsAt({ parameters, buffers, shape, config }: DeltaPoint<LoraConfig>, path: string): LowRank {
  const scale = scaleAt(shape, config, path);
  const [a, b] = [parameters.get(nameA(path))! as Tensor2D, parameters.get(nameB(path))! as Tensor2D];
  if (!hasResidual(config.init)) return { a, b, scale };
  const [a0, b0] = [nameA, nameB].map((name) => buffers.get(`${name(path)}.start`)! as Tensor2D) as [
    Tensor2D,
    Tensor2D,
  ];
  return { ...withoutStart(a, b, a0, b0), scale };
}
