/**
 * Products of a frozen linear layer in 8 bits: forward, and for the gradient of its input. Weights have a scale for each
 * output channel. Inputs are rounded to 255 steps between the least and the greatest number of their row, zero included;
 * gradients to 127 steps on both sides of zero, because they lie about it evenly, and without their own zero they need
 * one pass less. Sums are exact, so that only the rounding separates the kernels from a product of floats.
 *
 * Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339, section 2.1, for a scale per row and per column; Wortsman et al. 2023,
 * arXiv:2304.13013, section 2, for the input's gradient in 8 bits.
 */
import {
  abs,
  add,
  div,
  matMul,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  reshape,
  round,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tensor1d,
} from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";
import { dequantiseMatrix, type QuantisedMatrix, storedShape } from "./quantised-matrix.ts";

/** Attributes of `QuantisedWeight`. */
export interface QuantisedWeightAttributes {
  readonly matrix: QuantisedMatrix;
}

/** The weights that the codes stand for, float32, as they are stored. A backend may put off making them until they are read. */
export const quantisedWeightKernel: CustomKernel = defineKernel<object, QuantisedWeightAttributes>(
  "QuantisedWeight",
  (_, { matrix }) => tensor(dequantiseMatrix(matrix), storedShape(matrix), "float32"),
);

/**
 * Tensors of `QuantisedLinear`: `x` `[rows, in]`, `weight` as `QuantisedWeight` makes it of the attribute's
 * matrix, `bias` `[out]`, or a scalar that nothing reads.
 */
export interface QuantisedLinearInputs<T = Tensor> {
  readonly x: T;
  readonly weight: T;
  readonly bias: T;
}

/** Attributes of `QuantisedLinear` and of its gradient. */
export interface QuantisedLinearAttributes {
  readonly matrix: QuantisedMatrix;
  readonly hasBias: boolean;
}

/** Tensors of `QuantisedLinearGrad`: `dy` `[rows, out]`, and the forward kernel's weight. */
export interface QuantisedLinearGradInputs<T = Tensor> {
  readonly dy: T;
  readonly weight: T;
}

/** Steps between the least and the greatest number of a row of inputs. */
export const ROW_STEPS = 255;

/** Steps between zero and the number of a row that is farthest from it, where rows are rounded about zero. */
export const SIDE_STEPS = 127;

/** Least step of a row, the least normal float32: rows of zeros are rounded to zeros, whatever is divided by it. */
export const LEAST_STEP: number = 2 ** -126;

/** Zeros `[rows, 1]`, but NaN for a row that holds a NaN or an infinity, or whose sum is no float32. */
const checkRows = (x: Tensor): Tensor => mul(sum(x, 1, true), 0);

/** Every number of `x` `[rows, n]` rounded to a whole number of steps between the ends of its row. */
function roundRows(x: Tensor): Tensor {
  const low = minimum(min(x, 1, true), 0);
  const high = maximum(max(x, 1, true), 0);
  const step = add(maximum(mul(sub(high, low), 1 / ROW_STEPS), LEAST_STEP), checkRows(x));
  const zero = round(neg(div(low, step)));
  const codes = minimum(maximum(round(div(x, step)), neg(zero)), sub(ROW_STEPS, zero));
  return mul(codes, step);
}

/** Every number of `x` `[rows, n]` rounded to a whole number of steps of its row, from zero on either way. */
function roundRowsAboutZero(x: Tensor): Tensor {
  const step = add(maximum(mul(max(abs(x), 1, true), 1 / SIDE_STEPS), LEAST_STEP), checkRows(x));
  return mul(round(div(x, step)), step);
}

/** `rounded(x) weightᵀ + bias`, `[rows, out]`. */
export const quantisedLinearKernel: CustomKernel = defineKernel<QuantisedLinearInputs, QuantisedLinearAttributes>(
  "QuantisedLinear",
  ({ x, weight, bias }, { matrix, hasBias }) => {
    const product = matMul(roundRows(x) as Tensor2D, weight as Tensor2D, false, matrix.isTurned !== true);
    return hasBias ? add(product, bias) : product;
  },
);

/** Gradient for x, `rounded(dy · scales) codes`, `[rows, in]`: the scales go with `dy`, so that one set of codes serves both ways. */
export const quantisedLinearGradKernel: CustomKernel = defineKernel<
  QuantisedLinearGradInputs,
  QuantisedLinearAttributes
>("QuantisedLinearGrad", ({ dy, weight }, { matrix }) => {
  const scales = tensor1d(matrix.scales);
  const isTurned = matrix.isTurned === true;
  const codes = div(weight, isTurned ? scales : reshape(scales, [-1, 1])) as Tensor2D;
  return matMul(roundRowsAboutZero(mul(dy, scales)) as Tensor2D, codes, false, isTurned);
});
