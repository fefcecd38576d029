/** What is computed with weights in blocks. */
import { type BlockMatrix, blockFloatsKernel, blockLinearKernel, blockRowsKernel } from "@cambium/kernels";
import { reshape, scalar, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
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

/**
 * A weight as floats, for products that are about to be taken with something of `after`: where the weight is in blocks, a backend
 * that sees the whole graph makes the floats within it, and does not keep them. A plain weight is what it is; one whose products
 * are taken in 8 bits is none, and undefined.
 */
export function floatsAfter(weight: Tensor2D, after: Tensor): Tensor2D | undefined {
  const matrix = matrixOf(weight);
  if (matrix === undefined) return weight;
  return isBlockMatrix(matrix)
    ? runCustomKernel<Tensor2D>(blockFloatsKernel, { weight, after }, { matrix })
    : undefined;
}
