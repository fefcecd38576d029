import { gatedSiluKernel, geluKernel, siluKernel } from "@cambium/kernels";
import type { Tensor } from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { runCustomKernel } from "./run-kernel.ts";

/**
 * Gaussian error linear unit, `x Φ(x)`. The caller owns it.
 *
 * @param x - Any shape.
 * @param approximate - `"tanh"` is the approximation that GPT-2 and BERT's first code use (`gelu_new`). @default "none"
 * @see Hendrycks and Gimpel 2016, Gaussian Error Linear Units, arXiv:1606.08415, section 2.
 */
export function gelu<T extends Tensor>(x: T, approximate: "none" | "tanh" = "none"): T {
  return runCustomKernel<T>(geluKernel, { x }, { approximate });
}

/**
 * Sigmoid linear unit (swish), `x σ(x)`. The caller owns it.
 *
 * @param x - Any shape.
 * @see Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2; Ramachandran et al. 2017, arXiv:1710.05941.
 */
export function silu<T extends Tensor>(x: T): T {
  return runCustomKernel<T>(siluKernel, { x });
}

/**
 * `silu(gate) ⊙ up`, of which a gradient remembers the two inputs and nothing between them. The caller owns it.
 *
 * @param gate - Any shape.
 * @param up - The same shape.
 * @see Shazeer 2020, GLU Variants Improve Transformer, arXiv:2002.05202, equation 6 (SwiGLU).
 */
export function gatedSilu<T extends Tensor>(gate: T, up: T): T {
  return runCustomKernel<T>(gatedSiluKernel, { gate, up });
}
