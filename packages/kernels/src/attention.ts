import { add, matMul, mul, softmax, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/**
 * Tensors of `FusedAttention`: `query` `[batch, heads, seq, dHead]`, `key` and `value` `[batch, heads, keys, dHead]`;
 * `bias` broadcasts to `[batch, heads, seq, keys]`, `mask` has that shape and multiplies the pattern (dropout). What the
 * attributes say is absent is a scalar that nothing reads: tfjs-core saves inputs by name, so each name has a tensor.
 */
export interface AttentionInputs<T = Tensor> {
  readonly query: T;
  readonly key: T;
  readonly value: T;
  readonly bias: T;
  readonly mask: T;
}

/** Tensors of `FusedAttentionGrad`: those of the forward kernel, its output, and the gradient of that. */
export interface AttentionGradInputs<T = Tensor> extends AttentionInputs<T> {
  readonly dy: T;
  readonly output: T;
}

/** Attributes of the attention kernels. */
export interface AttentionAttributes {
  /** Factor on the products of query and key, mostly `1 / √dHead`. */
  readonly scale: number;
  readonly hasBias: boolean;
  readonly hasMask: boolean;
}

/** Attention probabilities, `softmax(scale · query keyᵀ + bias)`. */
function attentionPattern({ query, key, bias }: AttentionInputs, { scale, hasBias }: AttentionAttributes): Tensor {
  const scores = mul(matMul(query, key, false, true), scale);
  return softmax(hasBias ? add(scores, bias) : scores);
}

/** `(softmax(scale · query keyᵀ + bias) ∘ mask) value`. */
export const attentionKernel: CustomKernel = defineKernel<AttentionInputs, AttentionAttributes>(
  "FusedAttention",
  (inputs, attributes) => {
    const pattern = attentionPattern(inputs, attributes);
    return matMul(attributes.hasMask ? mul(pattern, inputs.mask) : pattern, inputs.value);
  },
);

/**
 * Gradients of `FusedAttention` for query, key, value and bias, the last in the pattern's shape. The softmax's row sums
 * are `Σ dy · output`, which spares a pass over the pattern (Dao et al. 2022, FlashAttention, arXiv:2205.14135, B.4).
 */
export const attentionGradKernel: CustomKernel = defineKernel<AttentionGradInputs, AttentionAttributes>(
  "FusedAttentionGrad",
  (inputs, attributes) => {
    const { dy, query, key, value, mask, output } = inputs;
    const { scale, hasMask } = attributes;
    const pattern = attentionPattern(inputs, attributes);
    const dValue = matMul(hasMask ? mul(pattern, mask) : pattern, dy, true, false);
    const product = matMul(dy, value, false, true);
    const dPattern = hasMask ? mul(product, mask) : product;
    const dScores = mul(pattern, sub(dPattern, sum(mul(dy, output), -1, true)));
    return [mul(matMul(dScores, key), scale), mul(matMul(dScores, query, true, false), scale), dValue, dScores];
  },
);
