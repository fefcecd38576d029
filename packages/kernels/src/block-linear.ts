/**
 * Products of a frozen layer whose weights are in blocks: the products of float32 with the weights that the codes stand for.
 * Nothing else is rounded, neither inputs nor gradients.
 *
 * Dettmers et al. 2023, QLoRA, arXiv:2305.14314, section 3, equation 5: weights are kept in few bits and made floats for each product.
 */
import { add, gather, matMul, type Tensor, type Tensor1D, type Tensor2D, tensor } from "@tensorflow/tfjs-core";
import { type BlockMatrix, dequantiseBlocks } from "./block-matrix.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";
import { storedShape } from "./quantised-matrix.ts";

/** Attributes of `BlockWeight` and `BlockRows`. */
export interface BlockAttributes {
  readonly matrix: BlockMatrix;
}

/** The weights that the codes stand for, float32, as they are stored. A backend may put off making them until they are read. */
export const blockWeightKernel: CustomKernel = defineKernel<object, BlockAttributes>("BlockWeight", (_, { matrix }) =>
  tensor(dequantiseBlocks(matrix), storedShape(matrix), "float32"),
);

/**
 * Tensors of `BlockLinear`: `x` `[rows, in]`, `weight` as `BlockWeight` makes it of the attribute's matrix, `bias` `[out]`, or
 * a scalar that nothing reads.
 */
export interface BlockLinearInputs<T = Tensor> {
  readonly x: T;
  readonly weight: T;
  readonly bias: T;
}

/** Attributes of `BlockLinear` and of its gradient. */
export interface BlockLinearAttributes extends BlockAttributes {
  readonly hasBias: boolean;
}

/** Tensors of `BlockLinearGrad`: `dy` `[rows, out]`, and the forward kernel's weight. */
export interface BlockLinearGradInputs<T = Tensor> {
  readonly dy: T;
  readonly weight: T;
}

/** `x weightᵀ + bias`, `[rows, out]`. */
export const blockLinearKernel: CustomKernel = defineKernel<BlockLinearInputs, BlockLinearAttributes>(
  "BlockLinear",
  ({ x, weight, bias }, { matrix, hasBias }) => {
    const product = matMul(x as Tensor2D, weight as Tensor2D, false, matrix.isTurned !== true);
    return hasBias ? add(product, bias) : product;
  },
);

/** Gradient for x, `dy weight`, `[rows, in]`. */
export const blockLinearGradKernel: CustomKernel = defineKernel<BlockLinearGradInputs, BlockLinearAttributes>(
  "BlockLinearGrad",
  ({ dy, weight }, { matrix }) => matMul(dy as Tensor2D, weight as Tensor2D, false, matrix.isTurned === true),
);

/** Tensors of `BlockRows`: `ids` int32 of any shape, and `weight` `[out, in]` as `BlockWeight` makes it of a matrix that is not turned. */
export interface BlockRowsInputs<T = Tensor> {
  readonly ids: T;
  readonly weight: T;
}

/** Rows of a table, `[...ids, in]`. */
export const blockRowsKernel: CustomKernel = defineKernel<BlockRowsInputs, BlockAttributes>(
  "BlockRows",
  ({ ids, weight }) => gather(weight, ids as Tensor1D),
);
