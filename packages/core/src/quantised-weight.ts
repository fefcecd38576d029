import { type QuantisedMatrix, quantisedWeightKernel } from "@cambium/kernels";
import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { Hook } from "./hook.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";
import type { Parameters } from "./parameters.ts";
import { quantiseMatrix } from "./quantised-matrix.ts";

/** The matrices behind tensors that `quantiseWeight` made. A copy, or anything computed of one, is a tensor like any other. */
const matrices = new WeakMap<Tensor, QuantisedMatrix>();

/**
 * A frozen weight in 8 bits: a float32 tensor `[out, in]` of rounded values, with which linear layers multiply in 8 bits.
 *
 * Its values are those that the codes stand for, so it can be read like any weight, and what a hook makes of it is multiplied
 * in float32. `@cambium/backend-onnx` holds one byte for each weight, two when gradients pass through it, and four more only
 * when it is read; other backends hold it in float32. The caller owns it.
 *
 * @param name - Of the weight, for the message.
 * @param values - `[out, in]`, row by row.
 * @throws {FormatError} When a weight is not finite.
 */
export function quantiseWeight(
  name: string,
  values: ArrayLike<number>,
  shape: readonly [out: number, input: number],
): Tensor2D {
  const matrix = quantiseMatrix(name, values, shape);
  const weight = runCustomKernel<Tensor2D>(quantisedWeightKernel, {}, { matrix });
  matrices.set(weight, matrix);
  return weight;
}

/** The 8 bits behind a tensor, where there are any. */
export function matrixOf(weight: Tensor): QuantisedMatrix | undefined {
  return matrices.get(weight);
}

/**
 * Names of weights in 8 bits that hooks edit: these are multiplied in float32, and hold four more bytes for each number.
 *
 * @example
 * const hooks = tuned.deltas.flatMap((delta) => delta.hooks(delta.parameters));
 * console.log(floatUnderHooks(base.parameters, hooks));
 */
export function floatUnderHooks(parameters: Parameters, hooks: readonly Hook[]): string[] {
  const edits = (name: string): boolean => hooks.some((hook) => hook.kind === "weight" && hook.at(name));
  return [...parameters].flatMap(([name, weight]) => (isQuantised(weight) && edits(name) ? [name] : []));
}

/** Whether a tensor is a weight that `quantiseWeight` made. */
export function isQuantised(weight: Tensor): boolean {
  return matrices.has(weight);
}
