import { ConfigError, parseConfig } from "@cambium/base";
import { applyLinear, around, dropout as drop, type TensorSpec, zeroStart } from "@cambium/core";
import { add, pad, reshape, slice, sum, type Tensor, type Tensor2D, tile, transpose } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import type { Host } from "../host.ts";
import { type DeltaPoint, type SeedlessMethod, seedlessMethod } from "../method.ts";
import {
  type LinearTarget,
  nameTargetsLikeLora,
  placesByPath,
  placesOf,
  type TargetOptions,
  targetKeys,
} from "../targets.ts";
import { addToMatrix, changeWeights } from "../weights.ts";

/** Settings of `miss`. */
export interface MissOptions extends TargetOptions {
  /** Columns of the matrix that is repeated over a layer's input. @default 64 */
  readonly rank?: number | undefined;
  /** Rows of it that are repeated over a layer's output, which they must divide. @default all */
  readonly miniRank?: number | undefined;
  /** Fraction of the input that it does not see while training, 0 to below 1. @default 0 */
  readonly dropout?: number | undefined;
}

/** A MiSS as JSON. */
export interface MissConfig {
  readonly targets: readonly string[];
  readonly rank: number;
  readonly miniRank?: number;
  readonly dropout: number;
}

const rank = z.int().positive();
const share = z.number().min(0).lt(1).default(0);
const schema = z.strictObject({ ...targetKeys, rank: rank.default(64), miniRank: rank.optional(), dropout: share });

const format: PeftFormat<MissOptions, MissConfig> = linearFormat({
  type: "MISS",
  kinds: ["miss"],
  schema: z.looseObject({
    r: rank.default(64),
    mini_r: z.int().default(1),
    miss_dropout: share,
    init_weights: z.union([z.boolean(), z.literal("mini")]).default(true),
  }),
  refusals: [
    {
      key: "init_weights",
      refuses: (value) => value === "bat",
      reason: "Bat multiplies blocks of the base's weights, and not its inputs: another method",
    },
  ],
  tensors: ["miss_block"],
  options: (config) => ({
    rank: config.r,
    ...(config.init_weights === "mini" && { miniRank: config.mini_r }),
    dropout: config.miss_dropout,
  }),
  fields: (config: MissConfig) => ({
    r: config.rank,
    mini_r: config.miniRank ?? 1,
    miss_dropout: config.dropout,
    init_weights: config.miniRank === undefined ? true : "mini",
    bias: "none",
    ...noLayers,
  }),
});

/**
 * MiSS (Kang and Yin 2024, arXiv:2409.15371): one narrow matrix, repeated over the inputs of a layer. `y = W x + Dᵀ s`, s the sum of
 * neighbouring groups of `rank` inputs, D `[rank, out]`.
 *
 * D starts at zero, so the model is unchanged until the first step. Trains `rank · out` scalars for each layer, and with
 * `miniRank` no more than `rank · miniRank`, which are repeated over the outputs.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, miss(base, { rank: 64 }), head(base));
 */
export const miss: SeedlessMethod<MissOptions, MissConfig> = seedlessMethod<MissOptions, MissConfig>({
  kind: "miss",
  parse(options, shape) {
    const { targets, exclude, layers, miniRank, ...settings } = parseConfig("miss", schema, options);
    const config = {
      ...settings,
      ...(miniRank !== undefined && { miniRank }),
      targets: nameTargetsLikeLora("miss", shape, { targets, exclude, layers }),
    };
    checkSizes(shape, config);
    return config;
  },
  tensors: (shape, config) => ({
    trained: new Map(
      placesOf(shape, config).map((place): [string, TensorSpec] => [
        nameOf(place),
        { shape: [config.rank, config.miniRank ?? place.output], start: zeroStart },
      ]),
    ),
  }),
  hooks: (at) => [
    around(
      "linear",
      ({ path }) => placesByPath(at.shape, at.config).has(path),
      ({ site, input, next, context }) => {
        const matrix = matrixAt(at, placesByPath(at.shape, at.config).get(site.path)!);
        const x = context.training ? drop(input, at.config.dropout, context.random) : input;
        return add(next(input), applyLinear(sumGroups(x, at.config.rank), transpose(matrix)));
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
      const once = transpose(matrixAt(at, place)) as Tensor2D; // [out, rank]
      const times = Math.ceil(place.input / at.config.rank);
      const update = slice(tile(once, [1, times]), [0, 0], [-1, place.input]);
      return [[place.weight.name, addToMatrix(weights, place, update)]];
    }),
  peft: format,
});

const nameOf = ({ site }: LinearTarget): string => `${site.path}.miss_block`;

/** `[rank, out]` */
function matrixAt({ parameters, config }: DeltaPoint<MissConfig>, place: LinearTarget): Tensor2D {
  const stored = parameters.get(nameOf(place))! as Tensor2D;
  return config.miniRank === undefined ? stored : tile(stored, [1, place.output / config.miniRank]);
}

/** Sums of the columns that are a multiple of `size` apart: `[..., width]` gives `[..., size]`. */
function sumGroups(x: Tensor, size: number): Tensor {
  const width = x.shape.at(-1)!;
  const missing = (size - (width % size)) % size;
  const whole =
    missing === 0
      ? x
      : pad(x, [...x.shape.slice(1).map((): [number, number] => [0, 0]), [0, missing] as [number, number]]);
  return sum(reshape(whole, [...x.shape.slice(0, -1), -1, size]), -2);
}

function checkSizes(shape: Host, { targets, rank: size, miniRank }: MissConfig): void {
  for (const { site, input, output } of placesOf(shape, { targets })) {
    if (size > input)
      throw new ConfigError({ message: `miss: rank ${size} is above the ${input} inputs of ${site.path}`, rank: size });
    if (miniRank === undefined || output % miniRank === 0) continue;
    throw new ConfigError({
      message: `miss: miniRank ${miniRank} does not divide the ${output} outputs of ${site.path}`,
      miniRank,
    });
  }
}
