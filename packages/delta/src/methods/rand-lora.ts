import { parseConfig } from "@cambium/base";
import { applyLinear, around, dropout as drop, type Random, random, type Start, zeroStart } from "@cambium/core";
import {
  add,
  cast,
  greater,
  less,
  matMul,
  mul,
  reshape,
  scalar,
  slice,
  sub,
  type Tensor,
  type Tensor2D,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import type { Host } from "../host.ts";
import type { LowRank } from "../low-rank-rows.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import {
  type LinearTarget,
  nameTargetsLikeLora,
  placesByPath,
  placesOf,
  type TargetOptions,
  targetKeys,
} from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";

/** Settings of `randLora`. */
export interface RandLoraOptions extends TargetOptions {
  /** Rank of each random product; a layer has as many of them as make its full rank. @default 32 */
  readonly rank?: number | undefined;
  /** Numerator of the scale, whose denominator is the rank. @default 20 times the rank */
  readonly alpha?: number | undefined;
  /** Fraction of the input that the products do not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
  /**
   * Values of the random matrices: uniform; or −1, 0 and 1 with a share of `1 / 3` that is not zero, or of one by the root of the
   * smaller width. @default "dense"
   */
  readonly projection?: "dense" | "sparse" | "very-sparse" | undefined;
  /** Seed of the random matrices: a setting, so that they can be drawn again from the config alone. @default 0 */
  readonly projectionSeed?: number | undefined;
  /** Whether files hold the random matrices. Without them the file is none of PEFT's, which draws others. @default true */
  readonly saveProjection?: boolean | undefined;
}

/** A RandLoRA as JSON. */
export interface RandLoraConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly projection: "dense" | "sparse" | "very-sparse";
  readonly projectionSeed: number;
  readonly saveProjection: boolean;
}

const rank = z.int().positive();
const share = z.number().min(0).lt(1).default(0);
const schema = z.strictObject({
  ...targetKeys,
  rank: rank.default(32),
  alpha: z.number().positive().optional(),
  dropout: share,
  projection: z.enum(["dense", "sparse", "very-sparse"]).default("dense"),
  projectionSeed: z.int().nonnegative().default(0),
  saveProjection: z.boolean().default(true),
});

const format: PeftFormat<RandLoraOptions, RandLoraConfig> = linearFormat({
  type: "RANDLORA",
  kinds: ["randLora"],
  transposed: true,
  schema: z.looseObject({
    r: rank.default(32),
    randlora_alpha: z.number().positive().default(640),
    randlora_dropout: share,
    projection_prng_key: z.int().default(0),
    sparse: z.boolean().default(false),
    very_sparse: z.boolean().default(false),
  }),
  refusals: [
    {
      key: "save_projection",
      refuses: (value) => value === false,
      reason: "only PyTorch's generator draws its random matrices again; save it in Python with save_projection=True",
    },
  ],
  tensors: ["randlora_lambda", "randlora_gamma"],
  options: (config) => ({
    rank: config.r,
    alpha: config.randlora_alpha,
    dropout: config.randlora_dropout,
    projection: config.very_sparse ? "very-sparse" : config.sparse ? "sparse" : "dense",
    projectionSeed: config.projection_prng_key,
  }),
  fields: (config: RandLoraConfig) =>
    config.saveProjection
      ? {
          r: config.rank,
          randlora_alpha: config.alpha,
          randlora_dropout: config.dropout,
          projection_prng_key: config.projectionSeed,
          save_projection: true,
          sparse: config.projection === "sparse",
          very_sparse: config.projection === "very-sparse",
          bias: "none",
          init_weights: true,
          ...noLayers,
        }
      : { reason: "PEFT would draw RandLoRA's random matrices with another generator" },
  // PEFT writes the shared matrices once more with each layer.
  more: ({ shape, config, buffers }) =>
    new Map(
      placesOf(shape, config).flatMap(({ site }) =>
        ["randlora_A", "randlora_B"].map((name) => [`${site.path}.${name}`, buffers.get(name)!.clone()] as const),
      ),
    ),
  keys: {
    write: (name, wrap) => (/^randlora_[AB]$/.test(name) ? `base_model.${name}` : wrap(name)),
    read: (key) =>
      /.\.randlora_[AB](\.[^.]+)?$/.test(key) ? undefined : key.replace(/^(randlora_[AB])\.[^.]+$/, "$1"),
  },
});

/**
 * RandLoRA (Albert et al. 2025, arXiv:2502.00987): a sum of random products of low rank, so many that it has full rank, of which
 * only diagonal factors are trained. `y = W x + s · B (L ⊙ A ⊙ G) x` for a layer that is wider at its output, turned round else; A
 * `[rank, 1, least]`, B `[most, bases, rank]` random, frozen and shared by all layers; L `[rank, bases]`, G `[bases, least]`, `s = alpha /
 * rank`. As in PEFT, products of A and B are paired by their flat order, which differs between the two.
 *
 * L starts at zero, so the model is unchanged until the first step. Trains `bases · (rank + least)` scalars for each layer,
 * `least` the smaller of its widths and `bases` that by the rank, rounded up.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, randLora(base, { rank: 32 }, random(1)), head(base));
 */
export const randLora: Method<RandLoraOptions, RandLoraConfig> = method<RandLoraOptions, RandLoraConfig>({
  kind: "randLora",
  parse(options, shape) {
    const { targets, exclude, layers, alpha, ...settings } = parseConfig("randLora", schema, options);
    return {
      ...settings,
      alpha: alpha ?? 20 * settings.rank,
      targets: nameTargetsLikeLora("randLora", shape, { targets, exclude, layers }),
    };
  },
  tensors(shape, config) {
    const { rank: r, saveProjection: isStored } = config;
    const [least, most] = widestSides(shape, config);
    const shapes = { A: [r, 1, least], B: [most, Math.ceil(least / r), r] };
    const frozen = (which: "A" | "B"): [string, DeltaTensor] => [
      `randlora_${which}`,
      { shape: shapes[which], start: projection(config, which, shapes[which], least), isStored },
    ];
    return {
      trained: new Map(
        placesOf(shape, config).flatMap((place): [string, DeltaTensor][] => {
          const side = Math.min(place.input, place.output);
          const bases = Math.ceil(side / r);
          return [
            [lambdaName(place), { shape: [r, bases], start: zeroStart }],
            [gammaName(place), { shape: [bases, side], start: { kind: "constant", value: 1 / Math.max(bases, side) } }],
          ];
        }),
      ),
      frozen: new Map([frozen("A"), frozen("B")]),
    };
  },
  hooks: (at) => [
    around(
      "linear",
      ({ path }) => placesByPath(at.shape, at.config).has(path),
      ({ site, input, next, context }) => {
        const { a, b, scale } = factorsAt(at, placesByPath(at.shape, at.config).get(site.path)!);
        const x = context.training ? drop(input, at.config.dropout, context.random) : input;
        return add(next(input), applyLinear(mul(applyLinear(x, a), scalar(scale)), b));
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
      const { a, b, scale } = factorsAt(at, place);
      return [[place.weight.name, addToMatrix(weights, place, mul(matMul(b, a), scalar(scale)) as Tensor2D)]];
    }),
  peft: format,
});

const lambdaName = ({ site }: LinearTarget): string => `${site.path}.randlora_lambda`;
const gammaName = ({ site }: LinearTarget): string => `${site.path}.randlora_gamma`;

/** The smaller and the larger of the widest input and the widest output. */
function widestSides(shape: Host, config: RandLoraConfig): readonly [least: number, most: number] {
  const places = placesOf(shape, config);
  const sides = [Math.max(...places.map(({ input }) => input)), Math.max(...places.map(({ output }) => output))];
  return [Math.min(...sides), Math.max(...sides)];
}

/** Values of mean 0 and deviation 1. */
function projection(
  { projection: kind, projectionSeed }: RandLoraConfig,
  label: string,
  shape: readonly number[],
  least: number,
): Start {
  const draw = (): Random => random(projectionSeed).at("randLora").at(label);
  if (kind === "dense") return { kind: "given", make: () => draw().uniform(shape, -Math.sqrt(3), Math.sqrt(3)) };
  const sparsity = kind === "sparse" ? 3 : Math.sqrt(least);
  return {
    kind: "given",
    make: () =>
      tidy(() => {
        const drawn = draw().uniform(shape);
        const sign = sub(
          cast(greater(drawn, 1 - 1 / (2 * sparsity)), "float32"),
          cast(less(drawn, 1 / (2 * sparsity)), "float32"),
        );
        return mul(sign, scalar(Math.sqrt(sparsity)));
      }),
  };
}

/** A layer's products as two long matrices. */
function factorsAt({ parameters, buffers, config }: DeltaPoint<RandLoraConfig>, place: LinearTarget): LowRank {
  const { input, output } = place;
  const [least, most] = [Math.min(input, output), Math.max(input, output)];
  const bases = Math.ceil(least / config.rank);
  const lambda = reshape(parameters.get(lambdaName(place))!, [config.rank, bases, 1]);
  const gamma = reshape(parameters.get(gammaName(place))!, [1, bases, least]);
  const ownA: Tensor = slice(buffers.get("randlora_A")!, [0, 0, 0], [config.rank, 1, least]);
  const ownB: Tensor = slice(buffers.get("randlora_B")!, [0, 0, 0], [most, bases, config.rank]);
  const scaled = reshape(mul(mul(ownA, lambda), gamma), [config.rank * bases, least]) as Tensor2D;
  const wide = reshape(ownB, [most, bases * config.rank]) as Tensor2D;
  const scale = config.alpha / config.rank;
  return least === input
    ? { a: scaled, b: wide, scale }
    : { a: transpose(wide) as Tensor2D, b: transpose(scaled) as Tensor2D, scale };
}
