import { clone, type Tensor } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensors of `After`: `x`, and the tensor that is waited for. */
export interface AfterInputs<T = Tensor> {
  readonly x: T;
  readonly after: T;
}

/**
 * `x` itself, for what must not be computed before the tensor `after` exists. A backend that sees the whole graph neither
 * moves such work forward nor merges it with the same work on `x`; one that runs operation by operation has nothing to do.
 */
export const afterKernel: CustomKernel = defineKernel<AfterInputs, object>("After", ({ x }) => clone(x));
