import { matMul, reshape, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/**
 * Tensors of `SharedProduct`: `a` `[groups, members, rows, inner]`, and `b`, which the members of a group share, `[groups, 1, inner, columns]`
 * or, transposed, `[groups, 1, columns, inner]`.
 */
export interface SharedProductInputs<T = Tensor> {
  readonly a: T;
  readonly b: T;
}

/** Attributes of `SharedProduct`. */
export interface SharedProductAttributes {
  readonly transposeB: boolean;
}

/**
 * Products of several matrices with one, `[groups, members, rows, columns]`. Backends of tfjs broadcast one axis of a batch and not two,
 * so that members are rows of one product there.
 */
export const sharedProductKernel: CustomKernel = defineKernel<SharedProductInputs, SharedProductAttributes>(
  "SharedProduct",
  ({ a, b }, { transposeB }) => {
    const [groups, members, rows, inner] = a.shape as [number, number, number, number];
    const [, , first, second] = b.shape as [number, number, number, number];
    const left = reshape(a, [groups, members * rows, inner]) as Tensor3D;
    const product = matMul(left, reshape(b, [groups, first, second]) as Tensor3D, false, transposeB);
    return reshape(product, [groups, members, rows, transposeB ? first : second]);
  },
);
