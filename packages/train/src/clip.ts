import { mapParameters, normParameters, type Parameters } from "@cambium/core";
import { add, div, minimum, mul, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { tidyTrees } from "./tensors.ts";

/** Gradients within a ball. */
export interface ClippedGradients {
  readonly gradients: Map<string, Tensor>;
  /** The norm before clipping. */
  readonly norm: Scalar;
}

/**
 * Scales gradients down to a global norm of at most `maximumNorm`: `g · min(1, maximumNorm / (‖g‖ + 1e-6))`, with the norm
 * taken over all tensors together. The caller owns the result.
 *
 * @param maximumNorm - More than 0.
 * @see Pascanu et al. 2013, On the difficulty of training recurrent neural networks, arXiv:1211.5063, algorithm 1. The
 *      1e-6 is PyTorch's.
 */
export function clipGradients(gradients: Parameters, maximumNorm: number): ClippedGradients {
  return tidyTrees(() => {
    const norm = normParameters(gradients);
    const factor = minimum(div(maximumNorm, add(norm, 1e-6)), 1);
    return { gradients: mapParameters(gradients, (gradient) => mul(gradient, factor)), norm };
  });
}
