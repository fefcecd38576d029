import { type QuantisedMatrix, quantisedLinearKernel } from "@cambium/kernels";
import { reshape, scalar, type Tensor } from "@tensorflow/tfjs-core";
import "./gradients.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";

/**
 * `x W^T + b` over the last axis in 8 bits, forward and for the gradient of `x`; `x` `[..., in]`, `bias` `[out]`. A weight in
 * 8 bits has no gradient.
 *
 * @param weight - `[out, in]`, as `quantiseWeight` made it of `matrix`.
 */
export function quantisedLinear(x: Tensor, weight: Tensor, matrix: QuantisedMatrix, bias?: Tensor): Tensor {
  const [out, width] = matrix.shape;
  const product = runCustomKernel<Tensor>(
    quantisedLinearKernel,
    { x: reshape(x, [-1, width]), weight, bias: bias ?? scalar(0) },
    { matrix, hasBias: bias !== undefined },
  );
  return reshape(product, [...x.shape.slice(0, -1), out]);
}
