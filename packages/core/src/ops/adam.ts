import { ShapeError } from "@cambium/base";
import { type AdamInputs, adamKernel } from "@cambium/kernels";
import type { Tensor } from "@tensorflow/tfjs-core";
import { runCustomKernel } from "./run-kernel.ts";

/** One parameter's part of Adam's state, or what it becomes; all tensors have the parameter's shape. */
export interface AdamStep {
  readonly parameter: Tensor;
  readonly firstMoment: Tensor;
  readonly secondMoment: Tensor;
}

/**
 * One step of Adam with decoupled decay on one tensor, in one pass over memory where the backend can:
 * `M ← beta1 M + g`, `V ← beta2 V + g²`, `θ ← decay · θ − rate · M / (√V + epsilon)`. Corrections for the moments' beginning
 * at zero belong into `rate` and `epsilon`. The caller owns the result. It has no gradient.
 *
 * @param inputs - Parameter, gradient and moments of one shape; the scalars have shape [1].
 * @param options - `donate`: parameter and moments are not needed afterwards, and their memory may become the result's.
 *   Reading them is an error then, where it did; disposing of them is still the caller's.
 * @throws {ShapeError} When the shapes differ.
 * @see Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv:1711.05101, algorithm 2.
 */
export function adamStep(inputs: AdamInputs, { donate = false }: { readonly donate?: boolean } = {}): AdamStep {
  const { shape } = inputs.parameter;
  for (const name of ["gradient", "firstMoment", "secondMoment"] as const) {
    if (`${inputs[name].shape}` !== `${shape}`)
      throw new ShapeError({
        message: `adamStep: ${name} has shape [${inputs[name].shape}], the parameter [${shape}]`,
        name,
      });
  }
  const [parameter, firstMoment, secondMoment] = runCustomKernel<[Tensor, Tensor, Tensor]>(adamKernel, inputs, {
    donate,
  });
  return { parameter, firstMoment, secondMoment };
}
