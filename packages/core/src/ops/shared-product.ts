import { sharedProductKernel } from "@cambium/kernels";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { runCustomKernel } from "./run-kernel.ts";

/**
 * Products of the matrices of a group with one that they share. The caller owns the result.
 *
 * @param a - `[groups, members, rows, inner]`.
 * @param b - `[groups, 1, inner, columns]`, or `[groups, 1, columns, inner]` where it is transposed.
 * @returns `[groups, members, rows, columns]`.
 */
export const sharedProduct = (a: Tensor4D, b: Tensor4D, transposeB = false): Tensor4D =>
  runCustomKernel<Tensor4D>(sharedProductKernel, { a, b }, { transposeB });
