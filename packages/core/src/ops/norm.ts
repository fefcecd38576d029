import { layerNormKernel, rmsNormKernel } from "@cambium/kernels";
import type { Tensor } from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { ShapeError } from "@cambium/base";
import { runCustomKernel } from "./run-kernel.ts";

function checkWidth(caller: string, x: Tensor, vectors: Readonly<Record<string, Tensor>>): void {
  const width = x.shape.at(-1);
  for (const [name, vector] of Object.entries(vectors)) {
    if (vector.rank !== 1 || vector.shape[0] !== width) {
      throw new ShapeError({
        message: `${caller}: ${name} must have shape [${width}], the last axis of x [${x.shape}], got [${vector.shape}]`,
        name,
      });
    }
  }
}

/**
 * Layer norm over the last axis: `(x − mean) / √(var + ε) · gain + bias`, with the biased variance. The caller owns it.
 *
 * @param x - `[..., width]`.
 * @param gain - `[width]`.
 * @param bias - `[width]`.
 * @param epsilon - Added to the variance. @default 1e-5
 * @throws {ShapeError} When gain or bias do not fit.
 * @see Ba, Kiros and Hinton 2016, Layer Normalization, arXiv:1607.06450, equation 4.
 */
export function layerNorm<T extends Tensor>(x: T, gain: Tensor, bias: Tensor, epsilon = 1e-5): T {
  checkWidth("layerNorm", x, { gain, bias });
  return runCustomKernel<T>(layerNormKernel, { x, gain, bias }, { epsilon });
}

/**
 * RMS norm over the last axis: `x / √(mean(x²) + ε) · gain`. The caller owns it.
 *
 * @param x - `[..., width]`.
 * @param gain - `[width]`.
 * @param epsilon - Added to the mean square. @default 1e-6
 * @throws {ShapeError} When the gain does not fit.
 * @see Zhang and Sennrich 2019, Root Mean Square Layer Normalization, arXiv:1910.07467, equation 4.
 */
export function rmsNorm<T extends Tensor>(x: T, gain: Tensor, epsilon = 1e-6): T {
  checkWidth("rmsNorm", x, { gain });
  return runCustomKernel<T>(rmsNormKernel, { x, gain }, { epsilon });
}
