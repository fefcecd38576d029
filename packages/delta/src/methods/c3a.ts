import { ConfigError, parseConfig } from "@cambium/base";
import { type Start, type TensorSpec, zeroStart } from "@cambium/core";
import { div, reshape, scalar, type Tensor2D, type Tensor3D, transpose } from "@tensorflow/tfjs-core";
import * as z from "zod";
import { circulant } from "../circulant.ts";
import type { PeftFormat } from "../files/peft-format.ts";
import { writePattern } from "../files/peft-layers.ts";
import { linearFormat, noLayers } from "../files/peft-linear.ts";
import { patternField } from "../files/peft-lora.ts";
import type { Host } from "../host.ts";
import { addingUpdate } from "../linear-update.ts";
import { type Method, method } from "../method.ts";
import {
  type LinearTarget,
  nameTargetsLikeLora,
  patternsKey,
  placesOf,
  type TargetOptions,
  targetKeys,
  valuesOf,
} from "../targets.ts";

/** Settings of `c3a`. */
export interface C3aOptions extends TargetOptions {
  /** Rows and columns of a block, which must divide those of a layer. @default 256 */
  readonly blockSize?: number | undefined;
  /** Other sizes for some layers, by patterns as `rankPattern` of LoRA. @default {} */
  readonly blockSizePattern?: Readonly<Record<string, number>> | undefined;
  /** How kernels start: `"zero"`, so that the model is unchanged; or as the paper, uniform on ±√(6 / (in + out)). @default "zero" */
  readonly init?: "zero" | "uniform" | undefined;
}

/** A C3A as JSON. */
export interface C3aConfig {
  readonly targets: readonly string[];
  readonly blockSize: number;
  readonly blockSizePattern: Readonly<Record<string, number>>;
  readonly init: "zero" | "uniform";
}

const blockSize = z.int().positive();
const schema = z.strictObject({
  ...targetKeys,
  blockSize: blockSize.default(256),
  blockSizePattern: patternsKey(blockSize),
  init: z.enum(["zero", "uniform"]).default("zero"),
});

const format: PeftFormat<C3aOptions, C3aConfig> = linearFormat({
  type: "C3A",
  kinds: ["c3a"],
  schema: z.looseObject({ block_size: blockSize.default(256), block_size_pattern: patternField }),
  tensors: ["c3a_kernel"],
  options: (config, layers) => ({
    blockSize: config.block_size,
    blockSizePattern: layers.resolve(config.block_size_pattern),
  }),
  fields: (config: C3aConfig, base) => ({
    block_size: config.blockSize,
    block_size_pattern: writePattern(base, config, config.blockSizePattern, config.blockSize),
    bias: "none",
    init_weights: true,
    ...noLayers,
  }),
});

/**
 * C3A (Chen et al. 2024, arXiv:2407.19342): an update of square blocks, each of them circulant. `y = W x + C x / in`, one vector of
 * `blockSize` numbers for each block of C: row j of a block is the vector turned j places on.
 *
 * Kernels start at zero, so the model is unchanged until the first step. Trains `in · out / blockSize` scalars for each layer.
 *
 * @throws {ConfigError} For settings out of range, blocks that do not divide a layer, and targets that match nothing.
 * @example
 * const tuned = attach(base, c3a(base, { blockSize: 128 }, random(1)), head(base));
 */
export const c3a: Method<C3aOptions, C3aConfig> = method<C3aOptions, C3aConfig>({
  kind: "c3a",
  parse(options, shape) {
    const { targets, exclude, layers, ...settings } = parseConfig("c3a", schema, options);
    const config = { ...settings, targets: nameTargetsLikeLora("c3a", shape, { targets, exclude, layers }) };
    checkBlocks(shape, config);
    return config;
  },
  tensors: (shape, config) => ({
    trained: new Map(
      placesOf(shape, config).map((place): [string, TensorSpec] => {
        const { input, output } = place;
        const size = blockSizeAt(place, config);
        return [nameOf(place), { shape: [output / size, input / size, size], start: startOf(config, input, output) }];
      }),
    ),
  }),
  ...addingUpdate<C3aConfig>({
    update({ parameters }, place) {
      const kernels = parameters.get(nameOf(place))! as Tensor3D; // [rows, columns, size]
      const [rows, columns, size] = kernels.shape;
      const blocks = reshape(circulant(reshape(kernels, [rows * columns, size])), [rows, columns, size, size]);
      const whole = reshape(transpose(blocks, [0, 2, 1, 3]), [place.output, place.input]) as Tensor2D;
      return div(whole, scalar(place.input));
    },
  }),
  peft: format,
});

const nameOf = ({ site }: LinearTarget): string => `${site.path}.c3a_kernel`;

function blockSizeAt({ site }: LinearTarget, config: C3aConfig): number {
  return valuesOf(config.blockSizePattern)(site.path) ?? config.blockSize;
}

function startOf({ init }: C3aConfig, input: number, output: number): Start {
  const bound = Math.sqrt(6 / (input + output));
  return init === "zero" ? zeroStart : { kind: "uniform", low: -bound, high: bound };
}

function checkBlocks(shape: Host, config: C3aConfig): void {
  for (const place of placesOf(shape, config)) {
    const size = blockSizeAt(place, config);
    if (place.input % size === 0 && place.output % size === 0) continue;
    throw new ConfigError({
      message: `c3a: blockSize ${size} does not divide ${place.site.path}, which is [${place.output}, ${place.input}]; take a common divisor, or another size for it by blockSizePattern`,
      path: place.site.path,
      blockSize: size,
    });
  }
}
