import { parseConfig } from "@cambium/base";
import { type Start, zeroStart } from "@cambium/core";
import { matMul, mul, scalar, type Tensor2D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers, writeRankPatterns } from "../files/peft-linear.ts";
import { patternField } from "../files/peft-lora.ts";
import { addingUpdate, keptRows } from "../linear-update.ts";
import { type DeltaTensor, type Method, method } from "../method.ts";
import { nameTargetsLikeLora, patternsKey, type TargetOptions, targetKeys } from "../targets.ts";
import { loraPlaces, scaleAt } from "./lora.ts";

/** Settings of `loHa`. */
export interface LoHaOptions extends TargetOptions {
  /** Rank of each of the two products, so that theirs is up to its square. @default 8 */
  readonly rank?: number | undefined;
  /** Numerator of the scale, whose denominator is the rank. @default the rank */
  readonly alpha?: number | undefined;
  /** Share of the update's rows that are zero at a step of training, 0 to below 1. @default 0 */
  readonly rankDropout?: number | undefined;
  /** How often a layer has no update at a step, 0 to below 1. @default 0 */
  readonly moduleDropout?: number | undefined;
  /** Other ranks for some layers, as `rankPattern` of LoRA. @default {} */
  readonly rankPattern?: Readonly<Record<string, number>> | undefined;
  /** Other alphas for some layers, likewise. @default {} */
  readonly alphaPattern?: Readonly<Record<string, number>> | undefined;
}

/** A LoHa as JSON: every setting, and its layers by name. */
export interface LoHaConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly rankDropout: number;
  readonly moduleDropout: number;
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
}

const rank = z.int().positive();
const share = z.number().min(0).lt(1).default(0);
const schema = z.strictObject({
  ...targetKeys,
  rank: rank.default(8),
  alpha: z.number().positive().optional(),
  rankDropout: share,
  moduleDropout: share,
  rankPattern: patternsKey(rank),
  alphaPattern: patternsKey(z.number().positive()),
});

const fields = z.looseObject({
  r: rank.default(8),
  alpha: z.number().positive().default(8),
  rank_dropout: share,
  module_dropout: share,
  rank_pattern: patternField,
  alpha_pattern: patternField,
});

const format: PeftFormat<LoHaOptions, LoHaConfig> = linearFormat({
  type: "LOHA",
  kinds: ["loHa"],
  schema: fields,
  tensors: ["hada_w[12]_[ab]"],
  options: (config, layers) => ({
    rank: config.r,
    alpha: config.alpha,
    rankDropout: config.rank_dropout,
    moduleDropout: config.module_dropout,
    rankPattern: layers.resolve(config.rank_pattern),
    alphaPattern: layers.resolve(config.alpha_pattern),
  }),
  fields: (config: LoHaConfig, base) => ({
    r: config.rank,
    alpha: config.alpha,
    rank_dropout: config.rankDropout,
    module_dropout: config.moduleDropout,
    use_effective_conv2d: false,
    init_weights: true,
    ...writeRankPatterns(base, config),
    ...noLayers,
  }),
});

/**
 * LoHa (Hyeon-Woo et al. 2022, FedPara, arXiv:2108.06098, proposition 1; Yeh et al. 2024, LyCORIS, arXiv:2309.14859): two
 * low-rank products, multiplied entry by entry. `y = W x + s · ((A₁ B₁) ⊙ (A₂ B₂)) x`, A `[out, rank]`, B `[rank, in]`,
 * `s = alpha / rank`. The update's rank is up to `rank²`.
 *
 * B₂ starts at zero, so the model is unchanged until the first step; the others are uniform on ±1/√columns. Trains
 * `2 · rank · (in + out)` scalars for each layer.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, loHa(base, { rank: 8 }, random(1)), head(base));
 */
export const loHa: Method<LoHaOptions, LoHaConfig> = method<LoHaOptions, LoHaConfig>({
  kind: "loHa",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("loHa", schema, options);
    return {
      ...settings,
      alpha: settings.alpha ?? settings.rank,
      targets: nameTargetsLikeLora("loHa", shape, { targets, exclude, layers }),
    };
  },
  tensors: (shape, config) => ({
    trained: new Map(
      loraPlaces(shape, config).flatMap(({ site: { path }, input, output, rank: r }): [string, DeltaTensor][] => [
        [nameOf(path, "1_a"), { shape: [output, r], start: uniform(r) }],
        [nameOf(path, "1_b"), { shape: [r, input], start: uniform(input) }],
        [nameOf(path, "2_a"), { shape: [output, r], start: uniform(r) }],
        [nameOf(path, "2_b"), { shape: [r, input], start: zeroStart }],
      ]),
    ),
  }),
  ...addingUpdate<LoHaConfig>({
    update({ parameters, shape, config }, { site: { path } }) {
      const factor = (name: string): Tensor2D => parameters.get(nameOf(path, name))! as Tensor2D;
      const both = mul(matMul(factor("1_a"), factor("1_b")), matMul(factor("2_a"), factor("2_b")));
      return mul(both, scalar(scaleAt(shape, config, path))) as Tensor2D;
    },
    keep: (output, config, random) => keptRows(output, config, random, true),
  }),
  peft: format,
});

const nameOf = (path: string, factor: string): string => `${path}.hada_w${factor}`;

const uniform = (columns: number): Start => ({
  kind: "uniform",
  low: -1 / Math.sqrt(columns),
  high: 1 / Math.sqrt(columns),
});
