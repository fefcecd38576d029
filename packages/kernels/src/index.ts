/**
 * Custom tensor kernels: their names, attributes and shapes, the same mathematics in tfjs-core operations for backends
 * without a native version, and counter-based random bits. Backends and `@cambium/core` meet here.
 *
 * Kernels that are differentiated have one output each, and gradient kernels get the forward kernel's inputs: what both need (a softmax, a mean)
 * they compute alike, and a backend that sees the whole graph computes it once.
 *
 * @module
 */
import {
  gatedSiluGradKernel,
  gatedSiluKernel,
  geluGradKernel,
  geluKernel,
  siluGradKernel,
  siluKernel,
} from "./activation.ts";
import { adamKernel } from "./adam.ts";
import { afterKernel } from "./after.ts";
import { attentionGradKernel, attentionKernel } from "./attention.ts";
import { blockLinearGradKernel, blockLinearKernel, blockRowsKernel, blockWeightKernel } from "./block-linear.ts";
import { crossEntropyGradKernel, crossEntropyKernel } from "./cross-entropy.ts";
import type { CustomKernel } from "./custom-kernel.ts";
import {
  editedColumnsKernel,
  editedLinearGradKernel,
  editedLinearKernel,
  editWeightKernel,
  sparseRowsGradKernel,
  sparseRowsKernel,
} from "./edited-weight.ts";
import { layerNormGradKernel, layerNormKernel, rmsNormGradKernel, rmsNormKernel } from "./layer-norm.ts";
import {
  linearCrossEntropyGradKernel,
  linearCrossEntropyKernel,
  linearCrossEntropyWeightGradKernel,
} from "./linear-cross-entropy.ts";
import { quantisedLinearGradKernel, quantisedLinearKernel, quantisedWeightKernel } from "./quantised-linear.ts";
import { deriveKeyKernel, randomMaskKernel } from "./random-mask.ts";
import { randomNumbersKernel } from "./random-numbers.ts";
import { rotateKernel } from "./rotate.ts";
import { sharedProductKernel } from "./shared-product.ts";

export type {
  ActivationGradInputs,
  ActivationInputs,
  GatedGradInputs,
  GatedInputs,
  GeluAttributes,
} from "./activation.ts";
export {
  gatedSiluGradKernel,
  gatedSiluKernel,
  geluGradKernel,
  geluKernel,
  siluGradKernel,
  siluKernel,
} from "./activation.ts";
export {
  type AdamArrays,
  type AdamAttributes,
  type AdamInputs,
  type AdamResults,
  type AdamScalars,
  adamKernel,
  type StepByAdam,
  stepByAdam,
} from "./adam.ts";
export { type AfterInputs, afterKernel } from "./after.ts";
export type { AttentionAttributes, AttentionGradInputs, AttentionInputs } from "./attention.ts";
export { attentionGradKernel, attentionKernel } from "./attention.ts";
export { deriveKey, type Key, mix, randomBits, word } from "./bits.ts";
export {
  type BlockAttributes,
  type BlockLinearAttributes,
  type BlockLinearGradInputs,
  type BlockLinearInputs,
  type BlockRowsInputs,
  blockLinearGradKernel,
  blockLinearKernel,
  blockRowsKernel,
  blockWeightKernel,
} from "./block-linear.ts";
export {
  BLOCK_SIZE,
  type BlockBits,
  type BlockMatrix,
  blockBytes,
  blocksOf,
  dequantiseBlocks,
  middleCode,
} from "./block-matrix.ts";
export type { CrossEntropyAttributes, CrossEntropyGradInputs, CrossEntropyInputs } from "./cross-entropy.ts";
export { crossEntropyGradKernel, crossEntropyKernel } from "./cross-entropy.ts";
export type { CustomKernel } from "./custom-kernel.ts";
export {
  type EditedBy,
  type EditedColumnsAttributes,
  type EditedColumnsInputs,
  type EditedLinearAttributes,
  type EditedLinearGradInputs,
  type EditedLinearInputs,
  type EditWeightAttributes,
  type EditWeightInputs,
  editedColumnsKernel,
  editedLinearGradKernel,
  editedLinearKernel,
  editWeightKernel,
  isSparseEdit,
  SPARSE_SHARE,
  type SparseRowsAttributes,
  type SparseRowsGradInputs,
  type SparseRowsInputs,
  sparseRowsGradKernel,
  sparseRowsKernel,
} from "./edited-weight.ts";
export type { LayerNormInputs, NormAttributes, NormGradInputs, RmsNormInputs } from "./layer-norm.ts";
export { layerNormGradKernel, layerNormKernel, rmsNormGradKernel, rmsNormKernel } from "./layer-norm.ts";
export type {
  LinearCrossEntropyAttributes,
  LinearCrossEntropyGradInputs,
  LinearCrossEntropyInputs,
  LinearCrossEntropyScaledInputs,
} from "./linear-cross-entropy.ts";
export {
  linearCrossEntropyGradKernel,
  linearCrossEntropyKernel,
  linearCrossEntropyWeightGradKernel,
} from "./linear-cross-entropy.ts";
export {
  LEAST_STEP,
  type QuantisedLinearAttributes,
  type QuantisedLinearGradInputs,
  type QuantisedLinearInputs,
  type QuantisedWeightAttributes,
  quantisedLinearGradKernel,
  quantisedLinearKernel,
  quantisedWeightKernel,
  ROW_STEPS,
  SIDE_STEPS,
} from "./quantised-linear.ts";
export { dequantiseMatrix, type QuantisedMatrix, storedShape, transposeCodes } from "./quantised-matrix.ts";
export {
  type DeriveKeyAttributes,
  deriveKeyKernel,
  maskValues,
  type RandomMaskAttributes,
  type RandomMaskInputs,
  randomMaskKernel,
} from "./random-mask.ts";
export {
  type Distribution,
  normals,
  type RandomNumbersAttributes,
  randomNumbers,
  randomNumbersKernel,
  uniforms,
} from "./random-numbers.ts";
export { type RotateInputs, rotateKernel } from "./rotate.ts";
export { type SharedProductAttributes, type SharedProductInputs, sharedProductKernel } from "./shared-product.ts";

/** Every custom kernel. */
export const customKernels: readonly CustomKernel[] = [
  layerNormKernel,
  layerNormGradKernel,
  rmsNormKernel,
  rmsNormGradKernel,
  geluKernel,
  geluGradKernel,
  siluKernel,
  siluGradKernel,
  gatedSiluKernel,
  gatedSiluGradKernel,
  attentionKernel,
  attentionGradKernel,
  rotateKernel,
  sharedProductKernel,
  crossEntropyKernel,
  crossEntropyGradKernel,
  linearCrossEntropyKernel,
  linearCrossEntropyGradKernel,
  linearCrossEntropyWeightGradKernel,
  randomMaskKernel,
  deriveKeyKernel,
  randomNumbersKernel,
  afterKernel,
  quantisedWeightKernel,
  quantisedLinearKernel,
  quantisedLinearGradKernel,
  blockWeightKernel,
  blockLinearKernel,
  blockLinearGradKernel,
  blockRowsKernel,
  adamKernel,
  editWeightKernel,
  editedColumnsKernel,
  editedLinearKernel,
  editedLinearGradKernel,
  sparseRowsKernel,
  sparseRowsGradKernel,
];
