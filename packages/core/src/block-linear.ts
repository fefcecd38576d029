/** What is computed with weights in blocks. */
import { type BlockMatrix, blockLinearKernel, blockRowsKernel } from "@cambium/kernels";
import { reshape, scalar, type Tensor } from "@tensorflow/tfjs-core";
import "./gradients.ts";
import { runCustomKernel } from "./ops/run-kernel.ts";
import { isBlockMatrix, matrixOf } from "./quantised-weight.ts";

/**
 * `x Wᵀ + b` over the last axis; `x` `[..., in]`, `bias` `[out]`. The gradient of `x` is that of the same weights. They have
 * none themselves.
 *
 * @param weight - As `blockWeight` made it of `matrix`.
 */
export function blockLinear(x: Tensor, weight: Tensor, matrix: BlockMatrix, bias?: Tensor): Tensor {
  const [out, width] = matrix.shape;
  const product = runCustomKernel<Tensor>(
    blockLinearKernel,
    { x: reshape(x, [-1, width]), weight, bias: bias ?? scalar(0) },
    { matrix, hasBias: bias !== undefined },
  );
  return reshape(product, [...x.shape.slice(0, -1), out]);
}

/** Rows of a table in blocks, `[...ids, in]`; undefined for any other, and for one whose channels are its columns. */
export function blockRows(table: Tensor, ids: Tensor): Tensor | undefined {
  const matrix = matrixOf(table);
  if (matrix === undefined || !isBlockMatrix(matrix) || matrix.isTurned === true) return undefined;
  return runCustomKernel<Tensor>(blockRowsKernel, { ids, weight: table }, { matrix });
}
