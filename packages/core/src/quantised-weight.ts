import { ConfigError, checkOptions } from "@cambium/base";
import {
  type BlockBits,
  type BlockMatrix,
  blockWeightKernel,
  type QuantisedMatrix,
  quantisedWeightKernel,
  storedShape,
} from "@cambium/kernels";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { quantiseBlocks } from "./block-matrix.ts";
import type { BlockRoom } from "./block-room.ts";
import type { Hook } from "./hook.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";
import type { Parameters } from "./parameters.ts";
import { quantiseMatrix } from "./quantised-matrix.ts";
import type { SiteWeight } from "./site.ts";

/** Settings of `quantiseWeightInBlocks`. */
export interface QuantiseInBlocksOptions {
  readonly bits: BlockBits;
  /** How the weight is stored, and what the tensor's shape is. @default "out,in" */
  readonly layout?: SiteWeight["layout"];
  /** Where the blocks lie: weights of one model share it. @default memory of this weight alone */
  readonly room?: BlockRoom;
}

/** The matrices behind the values of quantised weights. What is computed of such values is a tensor like any other. */
const matrices = new WeakMap<Tensor["dataId"], QuantisedMatrix | BlockMatrix>();

/**
 * A frozen weight in 8 bits: a float32 tensor of rounded values, with which linear layers multiply in 8 bits.
 *
 * Its values are those that the codes stand for, so it can be read like any weight, and what a hook makes of it is multiplied
 * in float32. `@cambium/backend-onnx` holds one byte for each weight, two when gradients pass through it, and four more only
 * when it is read; other backends hold it in float32. The codes go with the values: a copy of the tensor has them too, what
 * is sliced or computed of it has not. The caller owns it.
 *
 * @param name - Of the weight, for the message.
 * @param values - Row by row, of the shape that `layout` says.
 * @param layout - How the weight is stored, and what the tensor's shape is: `[out, in]` or `[in, out]`. @default "out,in"
 * @throws {FormatError} When a weight is not finite.
 */
export function quantiseWeight(
  name: string,
  values: ArrayLike<number>,
  shape: readonly [out: number, input: number],
  layout: SiteWeight["layout"] = "out,in",
): Tensor2D {
  const isTurned = layout === "in,out";
  const matrix = { ...quantiseMatrix(name, isTurned ? transposed(values, shape) : values, shape), isTurned };
  const weight = runCustomKernel<Tensor2D>(quantisedWeightKernel, {}, { matrix });
  matrices.set(weight.dataId, matrix);
  return weight;
}

/**
 * A frozen weight in blocks of 4 or 8 bits: a float32 tensor of rounded values, with which linear layers multiply as with any
 * other; it alone is rounded, neither inputs nor gradients.
 *
 * All else is as for `quantiseWeight`: `@cambium/backend-onnx` holds five eighths of a byte for each weight, or nine eighths in 8 bits, and
 * makes floats of one matrix after the other while a step runs.
 *
 * @param name - Of the weight, for the message.
 * @param values - Row by row, of the shape that `layout` says.
 * @param options - How many bits, and how the weight is stored: see `quantiseWeight`.
 * @throws {FormatError} When a weight is not finite.
 * @see Dettmers et al. 2023, QLoRA, arXiv:2305.14314, section 3.
 */
export function quantiseWeightInBlocks(
  name: string,
  values: ArrayLike<number>,
  shape: readonly [out: number, input: number],
  options: QuantiseInBlocksOptions,
): Tensor2D {
  checkOptions("quantiseWeightInBlocks", options, ["bits", "layout", "room"]);
  const { bits, layout = "out,in", room } = options;
  if (bits !== 4 && bits !== 8) {
    throw new ConfigError({
      message: `quantiseWeightInBlocks: bits must be 4 or 8, got ${JSON.stringify(bits)}`,
      bits,
    });
  }
  const isTurned = layout === "in,out";
  return blockWeight({
    ...quantiseBlocks(name, isTurned ? transposed(values, shape) : values, shape, bits, room),
    isTurned,
  });
}

/** A frozen weight of blocks that a file holds: the same as `quantiseWeightInBlocks` makes, without any rounding. */
export function blockWeight(matrix: BlockMatrix): Tensor2D {
  const weight = runCustomKernel<Tensor2D>(blockWeightKernel, {}, { matrix });
  matrices.set(weight.dataId, matrix);
  return weight;
}

/** Values `[in, out]` as `[out, in]`. */
function transposed(values: ArrayLike<number>, [out, input]: readonly [out: number, input: number]): Float32Array {
  const turned = new Float32Array(out * input);
  for (let i = 0; i < input; i++) for (let o = 0; o < out; o++) turned[o * input + i] = values[i * out + o]!;
  return turned;
}

/** The codes behind a tensor, where there are any. */
export function matrixOf(weight: Tensor): QuantisedMatrix | BlockMatrix | undefined {
  const matrix = matrices.get(weight.dataId);
  return matrix !== undefined && weight.shape.join() === storedShape(matrix).join() ? matrix : undefined;
}

/** Whether codes are in blocks. */
export const isBlockMatrix = (matrix: QuantisedMatrix | BlockMatrix): matrix is BlockMatrix => "bits" in matrix;

/**
 * Names of weights in 8 or 4 bits that hooks edit: these are multiplied in float32, and hold four more bytes for each number.
 *
 * @example
 * const hooks = tuned.deltas.flatMap((delta) => delta.hooks(delta));
 * console.log(floatUnderHooks(base.parameters, hooks));
 */
export function floatUnderHooks(parameters: Parameters, hooks: readonly Hook[]): string[] {
  const edits = (name: string): boolean => hooks.some((hook) => hook.kind === "weight" && hook.at(name));
  return [...parameters].flatMap(([name, weight]) => (isQuantised(weight) && edits(name) ? [name] : []));
}

/** Whether a tensor is a weight in 8 or 4 bits, as `quantiseWeight`, `quantiseWeightInBlocks` and `blockWeight` make them. */
export function isQuantised(weight: Tensor): boolean {
  return matrixOf(weight) !== undefined;
}

/** The bits of each of a weight's codes; undefined for weights in float32. */
export function bitsOf(weight: Tensor): 4 | 8 | undefined {
  const matrix = matrixOf(weight);
  return matrix === undefined || isBlockMatrix(matrix) ? matrix?.bits : 8;
}

/** Names of the weights in 8 or 4 bits. */
export function quantisedNames(parameters: Parameters): string[] {
  return [...parameters].flatMap(([name, weight]) => (isQuantised(weight) ? [name] : []));
}

/** What a message says of such weights: `3 weights, such as "layer.0.weight", are in 4 or 8 bits`. */
export function describeQuantised(parameters: Parameters, names: readonly string[]): string {
  const bits = [...new Set(names.map((name) => bitsOf(parameters.get(name)!)))].sort();
  return `${names.length} weights, such as "${names[0]}", are in ${bits.join(" or ")} bits`;
}
