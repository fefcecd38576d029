import { attentionKernel } from "@cambium/kernels";
import { scalar, type Tensor, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { checkOptions, ShapeError } from "@cambium/base";
import type { Random } from "../random.ts";
import { dropoutMask } from "./dropout.ts";
import { runCustomKernel } from "./run-kernel.ts";

/** Tensors and settings of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /** `[batch, heads, seq, dHead]`. */
  readonly query: Tensor4D;
  /** `[batch, heads, keys, dHead]`. */
  readonly key: Tensor4D;
  /** `[batch, heads, keys, dHead]`. */
  readonly value: Tensor4D;
  /** Added to the scaled products; broadcasts to `[batch, heads, seq, keys]`. Large negative numbers mask. */
  readonly bias?: Tensor;
  /** Factor on the products. @default 1 / √dHead */
  readonly scale?: number;
  /** Dropout on the attention probabilities. */
  readonly dropout?: { readonly rate: number; readonly random: Random };
}

/**
 * Attention, `softmax(scale · query keyᵀ + bias) value`. The caller owns it.
 *
 * @returns `[batch, heads, seq, dHead]`.
 * @throws {ShapeError} When query, key and value do not fit together.
 * @see Vaswani et al. 2017, Attention Is All You Need, arXiv:1706.03762, equation 1.
 */
export function scaledDotProductAttention(options: AttentionOptions): Tensor4D {
  checkOptions("scaledDotProductAttention", options, ["query", "key", "value", "bias", "scale", "dropout"]);
  const { query, key, value, bias, scale, dropout } = options;
  const [batch, heads, seq, dHead] = query.shape;
  const keys = key.shape[2];
  const expected = [batch, heads, keys, dHead];
  for (const [name, tensor] of Object.entries({ key, value })) {
    if (tensor.shape.some((dimension, i) => dimension !== expected[i])) {
      throw new ShapeError({
        message: `scaledDotProductAttention: ${name} must have shape [${expected}] beside a query of [${query.shape}], got [${tensor.shape}]`,
        name,
      });
    }
  }
  return tidy(() => {
    const hasMask = dropout !== undefined && dropout.rate > 0;
    const mask = hasMask ? dropoutMask([batch, heads, seq, keys], dropout.rate, dropout.random) : scalar(1);
    const attributes = { scale: scale ?? 1 / Math.sqrt(dHead), hasBias: bias !== undefined, hasMask };
    return runCustomKernel<Tensor4D>(attentionKernel, { query, key, value, bias: bias ?? scalar(0), mask }, attributes);
  });
}
