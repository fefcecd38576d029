import { parseConfig } from "@cambium/base";
import { type Start, zeroStart } from "@cambium/core";
import { matMul, mul, scalar, type Tensor2D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers, writeRankPatterns } from "../files/peft-linear.ts";
import { patternField } from "../files/peft-lora.ts";
import { applyKronecker, divideWidth, kronecker } from "../kronecker.ts";
import { addingUpdate, keptRows } from "../linear-update.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import { nameTargetsLikeLora, patternsKey, type TargetOptions, targetKeys } from "../targets.ts";
import { type LoraPlace, loraPlaces, scaleAt } from "./lora.ts";

/** Settings of `loKr`. */
export interface LoKrOptions extends TargetOptions {
  /** Rank of a factor that is a product of two. @default 8 */
  readonly rank?: number | undefined;
  /** Numerator of the scale, whose denominator is the rank. @default the rank */
  readonly alpha?: number | undefined;
  /** Side of the first factor, where it divides the layer's widths; -1 for the divisors nearest to their roots. @default -1 */
  readonly factor?: number | undefined;
  /** Whether the first factor is a product of two as well, where the rank is below half of its larger side. @default false */
  readonly decomposeBoth?: boolean | undefined;
  /** Share of the update's rows that are zero at a step of training, 0 to below 1. @default 0 */
  readonly rankDropout?: number | undefined;
  /** Whether the rows that are left are scaled up for those. @default false */
  readonly rankDropoutScale?: boolean | undefined;
  /** How often a layer has no update at a step, 0 to below 1. @default 0 */
  readonly moduleDropout?: number | undefined;
  /** Other ranks for some layers, as `rankPattern` of LoRA. @default {} */
  readonly rankPattern?: Readonly<Record<string, number>> | undefined;
  /** Other alphas for some layers, likewise. @default {} */
  readonly alphaPattern?: Readonly<Record<string, number>> | undefined;
}

/** A LoKr as JSON: every setting, and its layers by name. */
export interface LoKrConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly factor: number;
  readonly decomposeBoth: boolean;
  readonly rankDropout: number;
  readonly rankDropoutScale: boolean;
  readonly moduleDropout: number;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
}

const rank = z.int().positive();
const factor = z.union([z.literal(-1), z.int().positive()]).default(-1);
const share = z.number().min(0).lt(1).default(0);
const schema = z.strictObject({
  ...targetKeys,
  rank: rank.default(8),
  alpha: z.number().positive().optional(),
  factor,
  decomposeBoth: z.boolean().default(false),
  rankDropout: share,
  rankDropoutScale: z.boolean().default(false),
  moduleDropout: share,
  rankPattern: patternsKey(rank),
  alphaPattern: patternsKey(z.number().positive()),
});

const fields = z.looseObject({
  r: rank.default(8),
  alpha: z.number().positive().default(8),
  decompose_factor: factor,
  decompose_both: z.boolean().default(false),
  rank_dropout: share,
  rank_dropout_scale: z.boolean().default(false),
  module_dropout: share,
  rank_pattern: patternField,
  alpha_pattern: patternField,
});

const format: PeftFormat<LoKrOptions, LoKrConfig> = linearFormat({
  type: "LOKR",
  kinds: ["loKr"],
  schema: fields,
  tensors: ["lokr_w[12](?:_[ab])?"],
  options: (config, layers) => ({
    rank: config.r,
    alpha: config.alpha,
    factor: config.decompose_factor,
    decomposeBoth: config.decompose_both,
    rankDropout: config.rank_dropout,
    rankDropoutScale: config.rank_dropout_scale,
    moduleDropout: config.module_dropout,
    rankPattern: layers.resolve(config.rank_pattern),
    alphaPattern: layers.resolve(config.alpha_pattern),
  }),
  fields: (config: LoKrConfig, base) => ({
    r: config.rank,
    alpha: config.alpha,
    decompose_factor: config.factor,
    decompose_both: config.decomposeBoth,
    rank_dropout: config.rankDropout,
    rank_dropout_scale: config.rankDropoutScale,
    module_dropout: config.moduleDropout,
    use_effective_conv2d: false,
    init_weights: true,
    ...writeRankPatterns(base, config),
    ...noLayers,
  }),
});

/**
 * LoKr (Yeh et al. 2024, LyCORIS, arXiv:2309.14859; after Edalati et al. 2022, KronA, arXiv:2212.10650): a Kronecker product.
 * `y = W x + s · (W₁ ⊗ W₂) x`, W₁ `[l, m]` and W₂ `[k, n]` where `out = l · k` and `in = m · n`, `s = alpha / rank`.
 *
 * W₂ is a product `[k, rank] [rank, n]` where the rank is below half of its larger side. W₁ starts at zero, so the model is
 * unchanged until the first step; the others are uniform on ±1/√columns. Trains `l · m + rank · (k + n)` scalars for a layer
 * whose W₂ is a product.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, loKr(base, { rank: 8, factor: 4 }, random(1)), head(base));
 */
export const loKr: Method<LoKrOptions, LoKrConfig> = method<LoKrOptions, LoKrConfig>({
  kind: "loKr",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("loKr", schema, options);
    return {
      ...settings,
      alpha: settings.alpha ?? settings.rank,
      targets: nameTargetsLikeLora("loKr", shape, { targets, exclude, layers }),
    };
  },
  tensors: (shape, config) => ({
    trained: new Map(loraPlaces(shape, config).flatMap((place) => tensorsAt(place, config))),
  }),
  ...addingUpdate<LoKrConfig>({
    update(at, { site: { path } }) {
      const product = kronecker(factorAt(at, path, 1), factorAt(at, path, 2));
      return mul(product, scalar(scaleAt(at.shape, at.config, path))) as Tensor2D;
    },
    apply(at, { site: { path } }, x) {
      const first = mul(factorAt(at, path, 1), scalar(scaleAt(at.shape, at.config, path))) as Tensor2D;
      return applyKronecker(x, first, factorsAt(at, path, 2));
    },
    keep: (output, config, random) => keptRows(output, config, random, config.rankDropoutScale),
  }),
  peft: format,
});

const nameOf = (path: string, which: 1 | 2, part = ""): string => `${path}.lokr_w${which}${part}`;

/** A factor's own matrix, or the two that it is the product of. */
function factorsAt({ parameters }: DeltaPoint<LoKrConfig>, path: string, which: 1 | 2): readonly Tensor2D[] {
  const tensor = (part: string): Tensor2D => parameters.get(nameOf(path, which, part)) as Tensor2D;
  return tensor("") === undefined ? [tensor("_a"), tensor("_b")] : [tensor("")];
}

/** A factor. */
function factorAt(at: DeltaPoint<LoKrConfig>, path: string, which: 1 | 2): Tensor2D {
  return factorsAt(at, path, which).reduce((a, b) => matMul(a, b));
}

function tensorsAt(
  { site: { path }, input, output, rank: r }: LoraPlace,
  { factor: side, decomposeBoth }: LoKrConfig,
): [string, DeltaTensor][] {
  const [[l, k], [m, n]] = [divideWidth(output, side), divideWidth(input, side)];
  const splits = (a: number, b: number): boolean => r < Math.max(a, b) / 2;
  return [
    ...(decomposeBoth && splits(l, m)
      ? product(nameOf(path, 1), l, r, m, zeroStart)
      : [[nameOf(path, 1), { shape: [l, m], start: zeroStart }] as [string, DeltaTensor]]),
    ...(splits(k, n)
      ? product(nameOf(path, 2), k, r, n, uniform(r))
      : [[nameOf(path, 2), { shape: [k, n], start: uniform(n) }] as [string, DeltaTensor]]),
  ];
}

/** Two matrices in the place of `[rows, columns]`. */
function product(name: string, rows: number, r: number, columns: number, first: Start): [string, DeltaTensor][] {
  return [
    [`${name}_a`, { shape: [rows, r], start: first }],
    [`${name}_b`, { shape: [r, columns], start: uniform(columns) }],
  ];
}

const uniform = (columns: number): Start => ({
  kind: "uniform",
  low: -1 / Math.sqrt(columns),
  high: 1 / Math.sqrt(columns),
});
