import { parseConfig } from "@cambium/base";
import { zeroStart } from "@cambium/core";
import type { Tensor2D, Tensor3D } from "@tensorflow/tfjs-core";
import * as z from "zod";
import type { PeftFormat } from "../files/peft-format.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import { mappingInputs } from "../input-map.ts";
import { type DeltaPoint, type DeltaTensor, type Method, method } from "../method.ts";
import { applyBlocks, cayley, cayleySeries, skewPlaces, skewSymmetric } from "../rotation.ts";
import { type LinearTarget, nameTargetsLikeLora, placesOf, type TargetOptions, targetKeys } from "../targets.ts";

/** Settings of `oft`. */
export interface OftOptions extends TargetOptions {
  /**
   * Columns that a block turns together. Where it does not divide a layer's input, the divisor nearest to it is taken, the smaller
   * of two. @default 32, where there is no `blocks`
   */
  readonly blockSize?: number | undefined;
  /** Number of blocks in place of their size, likewise. */
  readonly blocks?: number | undefined;
  /** Whether all blocks of a layer turn alike. @default false */
  readonly share?: boolean | undefined;
  /** Terms, 2 or more, of the series that stands for Cayley's inverse, or `"exact"` for the inverse. @default 5 */
  readonly terms?: number | "exact" | undefined;
}

/** An OFT as JSON. Either `blockSize` or `blocks` is 0. */
export interface OftConfig {
  readonly targets: readonly string[];
  readonly blockSize: number;
  readonly blocks: number;
  readonly share: boolean;
  readonly terms: number | "exact";
}

const size = z.int().nonnegative();
const schema = z
  .strictObject({
    ...targetKeys,
    blockSize: size.optional(),
    blocks: size.optional(),
    share: z.boolean().default(false),
    terms: z.union([z.literal("exact"), z.int().min(2)]).default(5),
  })
  .refine(({ blockSize = 0, blocks = 0 }) => blockSize === 0 || blocks === 0, {
    message: "blockSize and blocks say the same thing; give one of them",
  })
  .refine(({ blockSize, blocks }) => blockSize !== 0 || (blocks ?? 0) > 0, {
    message: "must be at least 1, unless blocks is given",
    path: ["blockSize"],
  });

const fields = z.looseObject({
  r: size.default(0),
  oft_block_size: size.default(32),
  block_share: z.boolean().default(false),
  use_cayley_neumann: z.boolean().default(true),
  num_cayley_neumann_terms: z.int().min(2).default(5),
});

const format: PeftFormat<OftOptions, OftConfig> = linearFormat({
  type: "OFT",
  kinds: ["oft"],
  schema: fields,
  tensors: [],
  refusals: [
    { key: "coft", refuses: Boolean, reason: "COFT changes its stored weights in every forward pass" },
    {
      key: "module_dropout",
      refuses: (value) => value !== 0,
      reason: "dropout of blocks is not done here; it is none of inference's: set it to 0",
    },
    {
      key: "use_cayley_neumann",
      refuses: (value) => value === undefined,
      reason: "files before PEFT 0.16 turn with other matrices",
    },
  ],
  options: (config) => ({
    ...(config.r === 0 ? { blockSize: config.oft_block_size } : { blocks: config.r }),
    share: config.block_share,
    terms: config.use_cayley_neumann ? config.num_cayley_neumann_terms : ("exact" as const),
  }),
  fields: (config: OftConfig) => ({
    r: config.blocks,
    oft_block_size: config.blockSize,
    block_share: config.share,
    use_cayley_neumann: config.terms !== "exact",
    num_cayley_neumann_terms: config.terms === "exact" ? 5 : config.terms,
    coft: false,
    eps: 6e-5,
    module_dropout: 0,
    bias: "none",
    init_weights: true,
    ...noLayers,
  }),
  keys: { read: (key) => key.replace(/\.oft_R\.(?:[^.]+\.)?weight$/, ".oft_R.weight") },
});

/**
 * OFT (Qiu et al. 2023, arXiv:2306.07280), in the form of Qiu et al. 2025, arXiv:2506.19847: inputs of a layer are turned, in
 * groups of neighbouring columns. `y = W R ᵀ x + b`, R of blocks `(1 + Q)(1 − Q)⁻¹` with a skew-symmetric Q each, or the start of
 * its series, `1 + 2 Q + 2 Q² + 2 Q³ + Q⁴`.
 *
 * Q starts at zero, so the model is unchanged until the first step. Trains `in · (blockSize − 1) / 2` scalars for each layer;
 * shared, `blockSize · (blockSize − 1) / 2`. With `terms: "exact"` the blocks are `(1 − Q)(1 + Q)⁻¹`, as in PEFT.
 *
 * @throws {ConfigError} For settings out of range, and for targets that match nothing.
 * @example
 * const tuned = attach(base, oft(base, { blockSize: 32 }), head(base));
 */
export const oft: Method<OftOptions, OftConfig> = method<OftOptions, OftConfig>({
  kind: "oft",
  parse(options, shape) {
    const { targets, exclude, layers, blockSize, blocks = 0, ...settings } = parseConfig("oft", schema, options);
    return {
      ...settings,
      blocks,
      blockSize: blockSize ?? (blocks === 0 ? 32 : 0),
      targets: nameTargetsLikeLora("oft", shape, { targets, exclude, layers }),
    };
  },
  tensors(shape, config) {
    const places = placesOf(shape, config);
    const sizes = new Set(places.map((place) => blockSizeAt(place, config)));
    return {
      trained: new Map(
        places.map((place): [string, DeltaTensor] => {
          const each = blockSizeAt(place, config);
          const count = config.share ? 1 : place.input / each;
          return [nameOf(place), { shape: [count, (each * (each - 1)) / 2], start: zeroStart }];
        }),
      ),
      frozen: new Map([...sizes].flatMap(skewPlaces)),
    };
  },
  ...mappingInputs<OftConfig>((at, place, x) => applyBlocks(x, rotationsAt(at, place))),
  peft: format,
});

const nameOf = ({ site }: LinearTarget): string => `${site.path}.oft_R.weight`;

function rotationsAt({ parameters, buffers, config }: DeltaPoint<OftConfig>, place: LinearTarget): Tensor3D {
  const q = skewSymmetric(parameters.get(nameOf(place))! as Tensor2D, blockSizeAt(place, config), buffers);
  return config.terms === "exact" ? cayley(q) : cayleySeries(q, config.terms);
}

function blockSizeAt({ input }: LinearTarget, { blockSize, blocks }: OftConfig): number {
  return blocks === 0 ? nearestDivisor(input, blockSize) : input / nearestDivisor(input, blocks);
}

/** The divisor of a width that is nearest to a number, the smaller of two, at most the width. */
function nearestDivisor(width: number, number: number): number {
  if (number >= width) return width;
  for (let distance = 0; ; distance++) {
    const found = [number - distance, number + distance].find((each) => each > 0 && width % each === 0);
    if (found !== undefined) return found;
  }
}
