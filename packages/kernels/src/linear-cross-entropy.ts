import {
  add,
  concat,
  engine,
  expandDims,
  matMul,
  mul,
  type NamedTensorMap,
  ones,
  scalar,
  slice,
  type Tensor,
  tidy,
} from "@tensorflow/tfjs-core";
import { afterKernel } from "./after.ts";
import { blockLinearGradKernel, blockLinearKernel } from "./block-linear.ts";
import type { BlockMatrix } from "./block-matrix.ts";
import { type CrossEntropyAttributes, crossEntropyGradKernel, crossEntropyKernel } from "./cross-entropy.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";
import { quantisedLinearGradKernel, quantisedLinearKernel } from "./quantised-linear.ts";
import type { QuantisedMatrix } from "./quantised-matrix.ts";

/** Tensors of `LinearCrossEntropy`: `x` `[n, in]`, `weight` `[classes, in]`, `labels` `[n]` int32. */
export interface LinearCrossEntropyInputs<T = Tensor> {
  readonly x: T;
  readonly weight: T;
  readonly labels: T;
}

/** Tensors of `LinearCrossEntropyWeightGrad`: those of the forward kernel, and `dy` `[n]`. */
export interface LinearCrossEntropyGradInputs<T = Tensor> extends LinearCrossEntropyInputs<T> {
  readonly dy: T;
}

/** Attributes of the linear cross-entropy kernels. */
export interface LinearCrossEntropyAttributes extends CrossEntropyAttributes {
  /** Rows whose logits exist at a time. */
  readonly rows: number;
  /** Whether the gradient of `x` is wanted too. */
  readonly withGradient: boolean;
  /** What the weight was made of, where it was: its kernels take the products, and it has no gradient. */
  readonly matrix?: QuantisedMatrix | BlockMatrix;
}

/** A kernel, native where the backend has it: the caller of a composite has registered the rest. */
const run = (kernel: CustomKernel, inputs: object, attributes: object = {}): Tensor =>
  engine().runKernel(kernel.name, inputs as NamedTensorMap, attributes as never) as Tensor;

/** `x weightᵀ`, or `x weight` for a gradient. */
function multiply(
  x: Tensor,
  weight: Tensor,
  matrix: LinearCrossEntropyAttributes["matrix"],
  isGradient: boolean,
): Tensor {
  if (matrix === undefined) return matMul(x, weight, false, !isGradient);
  const attributes = { matrix, hasBias: false };
  const isBlocks = "bits" in matrix;
  return isGradient
    ? run(isBlocks ? blockLinearGradKernel : quantisedLinearGradKernel, { dy: x, weight }, attributes)
    : run(isBlocks ? blockLinearKernel : quantisedLinearKernel, { x, weight, bias: scalar(0) }, attributes);
}

/** Calls `part` for some rows at a time: its results exist before the next rows are looked at. */
function byRows(
  { x, labels }: LinearCrossEntropyInputs,
  rows: number,
  part: (x: Tensor, labels: Tensor, from: number) => Tensor[],
): Tensor[][] {
  const [count, width] = x.shape as [number, number];
  const made: Tensor[][] = [];
  for (let from = 0; from < count; from += rows) {
    const size = Math.min(rows, count - from);
    made.push(
      tidy(() => {
        const own = slice(x, [from, 0], [size, width]);
        const waiting = (made.at(-1) ?? []).reduce(
          (rest, after) => run(afterKernel, { x: rest, after }),
          own as Tensor,
        );
        return part(waiting, slice(labels, [from], [size]), from);
      }),
    );
  }
  return made;
}

/** Results of all rows, of the `i`-th tensor of each part. */
const joined = (made: readonly Tensor[][], i: number): Tensor => concat(made.map((tensors) => tensors[i]!));

/**
 * The rows' losses of `SoftmaxCrossEntropy` for the logits `x weightᵀ`, `[n]`; and, where it is wanted, the gradient of each
 * row's loss for its row of `x`, `[n, in]`. The logits of a few rows exist at a time, and are computed once.
 */
export const linearCrossEntropyKernel: CustomKernel = defineKernel<
  LinearCrossEntropyInputs,
  LinearCrossEntropyAttributes
>("LinearCrossEntropy", (inputs, { rows, withGradient, matrix, ...attributes }) => {
  const { weight } = inputs;
  const made = byRows(inputs, rows, (x, labels) => {
    const logits = multiply(x, weight, matrix, false);
    const losses = run(crossEntropyKernel, { logits, labels }, attributes);
    if (!withGradient) return [losses];
    const dy = ones(labels.shape);
    const slope = run(crossEntropyGradKernel, { dy, logits, labels }, attributes);
    return [losses, multiply(slope, weight, matrix, true)];
  });
  return withGradient ? [joined(made, 0), joined(made, 1)] : [joined(made, 0)];
});

/** Gradient of `LinearCrossEntropy` for the weight, `[classes, in]`: the logits are computed again. */
export const linearCrossEntropyWeightGradKernel: CustomKernel = defineKernel<
  LinearCrossEntropyGradInputs,
  LinearCrossEntropyAttributes
>("LinearCrossEntropyWeightGrad", (inputs, { rows, withGradient: _, ...attributes }) => {
  const { dy, weight } = inputs;
  const x = run(afterKernel, { x: inputs.x, after: dy });
  let total: Tensor | undefined;
  byRows({ ...inputs, x }, rows, (part, labels, from) => {
    const logits = matMul(part, weight, false, true);
    const own = slice(dy, [from], labels.shape as [number]);
    const dLogits = run(crossEntropyGradKernel, { dy: own, logits, labels }, attributes);
    const product = matMul(dLogits, part, true, false);
    const next = total === undefined ? product : add(total, product);
    total = next;
    return [next];
  });
  return total!;
});

/** Tensors of `LinearCrossEntropyGrad`: `dy` `[n]`, `x` `[n, in]`, and the `slope` `[n, in]` that the forward kernel made for it. */
export interface LinearCrossEntropyScaledInputs<T = Tensor> {
  readonly dy: T;
  readonly x: T;
  readonly slope: T;
}

/**
 * `dy ⊙ slope`. It is a kernel without a gradient that is given `x` because it depends on it: the gradient of this gradient is
 * an error therefore, and no zero.
 */
export const linearCrossEntropyGradKernel: CustomKernel = defineKernel<LinearCrossEntropyScaledInputs, object>(
  "LinearCrossEntropyGrad",
  ({ dy, slope }) => mul(slope, expandDims(dy, 1)),
);
