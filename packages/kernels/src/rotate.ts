import { add, concat, mul, slice, sub, type Tensor } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensors of `Rotate`: `x` `[batch, heads, seq, dHead]`, `cosine` and `sine` `[batch or 1, 1, seq, dHead / 2]`. */
export interface RotateInputs<T = Tensor> {
  readonly x: T;
  readonly cosine: T;
  readonly sine: T;
}

/**
 * Pairs of columns turned by angles: `[a cos − b sin, b cos + a sin]`, where `a` is the first half of the columns and `b` the
 * second.
 */
export const rotateKernel: CustomKernel = defineKernel<RotateInputs, object>("Rotate", ({ x, cosine, sine }) => {
  const half = x.shape[3]! / 2;
  const first = slice(x, [0, 0, 0, 0], [-1, -1, -1, half]);
  const second = slice(x, [0, 0, 0, half], [-1, -1, -1, half]);
  return concat([sub(mul(first, cosine), mul(second, sine)), add(mul(second, cosine), mul(first, sine))], 3);
});
