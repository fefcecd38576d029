import { ConfigError, parseConfig } from "@cambium/base";
import { around, oneStart, zeroStart } from "@cambium/core";
import {
  add,
  matMul,
  mul,
  reshape,
  scalar,
  slice,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  transpose,
} from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import { identity } from "../inverse.ts";
import { type DeltaPoint, type DeltaTensor, type SeedlessMethod, seedlessMethod } from "../method.ts";
import { applyBlocks, cayley } from "../rotation.ts";
import {
  type LinearTarget,
  nameTargetsLikeLora,
  placesByPath,
  placesOf,
  type TargetOptions,
  targetKeys,
} from "../targets.ts";
import { addToMatrix, changeWeights, readMatrix } from "../weights.ts";

/** Settings of `boft`. */
export interface BoftOptions extends TargetOptions {
  /** Columns that a block turns together, which must divide a layer's input. @default 4, where there is no `blocks` */
  readonly blockSize?: number | undefined;
  /** Number of blocks in place of their size. */
  readonly blocks?: number | undefined;
  /** Rotations that follow each other, each with columns that are twice as far apart in its blocks. @default 1 */
  readonly factors?: number | undefined;
}

/** A BOFT as JSON. Either `blockSize` or `blocks` is 0. */
export interface BoftConfig {
  readonly targets: readonly string[];
  readonly blockSize: number;
  readonly blocks: number;
  readonly factors: number;
}

const size = z.int().nonnegative();
const schema = z
  .strictObject({
    ...targetKeys,
    blockSize: size.optional(),
    blocks: size.optional(),
    factors: z.int().positive().default(1),
  })
  .refine(({ blockSize = 0, blocks = 0 }) => blockSize === 0 || blocks === 0, {
    message: "blockSize and blocks say the same thing; give one of them",
  })
  .refine(({ blockSize, blocks }) => blockSize !== 0 || (blocks ?? 0) > 0, {
    message: "must be at least 1, unless blocks is given",
    path: ["blockSize"],
  });

const format: PeftFormat<BoftOptions, BoftConfig> = linearFormat({
  type: "BOFT",
  kinds: ["boft"],
  schema: z.looseObject({
    boft_block_size: size.default(4),
    boft_block_num: size.default(0),
    boft_n_butterfly_factor: z.int().positive().default(1),
  }),
  refusals: [
    {
      key: "boft_dropout",
      refuses: (value) => value !== 0,
      reason: "dropout of blocks is not done here; it is none of inference's: set it to 0",
    },
  ],
  tensors: ["boft_[Rs]"],
  options: (config) => ({
    ...(config.boft_block_num === 0 ? { blockSize: config.boft_block_size } : { blocks: config.boft_block_num }),
    factors: config.boft_n_butterfly_factor,
  }),
  fields: (config: BoftConfig) => ({
    boft_block_size: config.blockSize,
    boft_block_num: config.blocks,
    boft_n_butterfly_factor: config.factors,
    boft_dropout: 0,
    bias: "none",
    init_weights: true,
    ...noLayers,
  }),
});

/**
 * BOFT (Liu et al. 2024, arXiv:2311.06243): inputs of a layer are turned by several block-diagonal rotations, in an order of
 * columns as of a butterfly between them, and its outputs scaled. `y = s ⊙ (W R ᵀ x) + b`. Blocks are `(1 − Q)(1 + Q)⁻¹` with
 * `Q = (A − Aᵀ) / 2`.
 *
 * A starts at zero and s at one, so the model is unchanged until the first step. Trains `factors · in · blockSize + out` scalars for
 * each layer. Train without weight decay, which would pull the scales to zero.
 *
 * PEFT computes more than one factor on its own GPU kernels alone, and has a single one everywhere else, whatever its file says.
 *
 * @throws {ConfigError} For settings out of range, blocks and factors that do not divide a layer, and targets that match nothing.
 * @example
 * const tuned = attach(base, boft(base, { blockSize: 8, factors: 2 }), head(base));
 */
export const boft: SeedlessMethod<BoftOptions, BoftConfig> = seedlessMethod<BoftOptions, BoftConfig>({
  kind: "boft",
  parse(options, shape) {
    const { targets, exclude, layers, blockSize, blocks = 0, factors } = parseConfig("boft", schema, options);
    const config = {
      targets: nameTargetsLikeLora("boft", shape, { targets, exclude, layers }),
      blockSize: blockSize ?? (blocks === 0 ? 4 : 0),
      blocks,
      factors,
    };
    for (const place of placesOf(shape, config)) checkBlocks(place, config);
    return config;
  },
  tensors: (shape, config) => ({
    trained: new Map(
      placesOf(shape, config).flatMap((place): [string, DeltaTensor][] => {
        const each = blockSizeAt(place, config);
        return [
          [nameR(place), { shape: [config.factors, place.input / each, each, each], start: zeroStart }],
          [nameS(place), { shape: [place.output, 1], start: oneStart }],
        ];
      }),
    ),
  }),
  hooks: (at) => [
    around(
      "linear",
      ({ path }) => placesByPath(at.shape, at.config).has(path),
      ({ site, input, next, context }) => {
        const place = placesByPath(at.shape, at.config).get(site.path)!;
        const { bias, columns } = place;
        const turned = next(turn(at, place, input));
        const scale = reshape(at.parameters.get(nameS(place))!, [-1]);
        if (bias === undefined) return mul(turned, scale);
        const stored = context.read(bias);
        const own = columns === undefined ? stored : slice(stored, [columns[0]], [columns[1] - columns[0]]);
        return add(mul(sub(turned, own), scale), own);
      },
      { byRow: true },
    ),
  ],
  merge: (base, at) =>
    changeWeights(base, placesOf(at.shape, at.config), (weights, place) => {
      const matrix = readMatrix(weights, place);
      const turned = matMul(matrix, turn(at, place, identity(place.input)) as Tensor2D, false, true);
      const update = sub(mul(turned, at.parameters.get(nameS(place))!), matrix) as Tensor2D;
      return [[place.weight.name, addToMatrix(weights, place, update)]];
    }),
  peft: format,
});

const nameR = ({ site }: LinearTarget): string => `${site.path}.boft_R`;
const nameS = ({ site }: LinearTarget): string => `${site.path}.boft_s`;

function blockSizeAt({ input }: LinearTarget, { blockSize, blocks }: BoftConfig): number {
  return blocks === 0 ? blockSize : input / blocks;
}

/** `x` `[..., in]` times the rotations, the last first. */
function turn({ parameters, config }: DeltaPoint<BoftConfig>, place: LinearTarget, x: Tensor): Tensor {
  const each = blockSizeAt(place, config);
  const count = place.input / each;
  const all = parameters.get(nameR(place))! as Tensor4D; // [factors, blocks, size, size]
  let turned = reshape(x, [-1, place.input]);
  for (let factor = config.factors - 1; factor >= 0; factor--) {
    const free = reshape(slice(all, [factor, 0, 0, 0], [1, -1, -1, -1]), [count, each, each]) as Tensor3D;
    const blocks = cayley(mul(sub(free, transpose(free, [0, 2, 1])), scalar(0.5)) as Tensor3D);
    // Within a stretch of 2^factor blocks, halves of blocks in the order of a butterfly: even ones first, then odd ones.
    const stretch = 2 ** factor;
    const shuffle = (y: Tensor, outer: number, inner: number): Tensor =>
      factor === 0
        ? y
        : reshape(transpose(reshape(y, [-1, count / stretch, outer, inner, each / 2]), [0, 1, 3, 2, 4]), [
            -1,
            place.input,
          ]);
    turned = shuffle(applyBlocks(shuffle(turned, 2, stretch), blocks), stretch, 2);
  }
  return reshape(turned, x.shape);
}

function checkBlocks(place: LinearTarget, config: BoftConfig): void {
  const each = blockSizeAt(place, config);
  const stretch = 2 ** (config.factors - 1);
  const isOdd = config.factors > 1 && (each % 2 !== 0 || (place.input / each) % stretch !== 0);
  if (Number.isInteger(each) && place.input % each === 0 && !isOdd) return;
  throw new ConfigError({
    message: `boft: ${config.blocks === 0 ? `blocks of ${each}` : `${config.blocks} blocks`} and ${config.factors} factors do not divide the ${place.input} inputs of ${place.site.path}; several factors need blocks of an even size, and a multiple of ${stretch} of them`,
    path: place.site.path,
  });
}
