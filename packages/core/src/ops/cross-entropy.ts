import { crossEntropyKernel } from "@cambium/kernels";
import {
  cast,
  div,
  maximum,
  notEqual,
  reshape,
  type Scalar,
  scalar,
  sum,
  type Tensor,
  type Tensor1D,
  tidy,
} from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { ConfigError, ShapeError } from "@cambium/base";
import { runCustomKernel } from "./run-kernel.ts";

/** Settings of the cross-entropy losses. */
export interface CrossEntropyOptions {
  /** Share of the target spread evenly over all classes, from 0 to 1. @default 0 */
  readonly labelSmoothing?: number;
  /** Label whose rows have neither loss nor gradient. @default -100 */
  readonly ignoreIndex?: number;
}

/**
 * Cross-entropy of each row, in nats; 0 for ignored rows. The caller owns it.
 *
 * `(1 − s) · −log p(label) + s · mean over classes of −log p`, s the label smoothing.
 *
 * @param logits - `[..., classes]`.
 * @param labels - int32 `[...]`, from 0 to classes − 1, or `ignoreIndex`.
 * @returns `[n]`, n the number of labels.
 * @throws {ShapeError} When labels and logits do not fit.
 * @throws {ConfigError} When the label smoothing is out of range.
 * @see Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567, section 7.
 */
export function crossEntropyRows(
  logits: Tensor,
  labels: Tensor,
  { labelSmoothing = 0, ignoreIndex = -100 }: CrossEntropyOptions = {},
): Tensor1D {
  const expected = logits.shape.slice(0, -1);
  if (
    labels.dtype !== "int32" ||
    labels.rank !== expected.length ||
    labels.shape.some((dimension, i) => dimension !== expected[i])
  ) {
    throw new ShapeError({
      message: `crossEntropy: labels must be int32 of shape [${expected}] for logits [${logits.shape}], got ${labels.dtype} [${labels.shape}]`,
    });
  }
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ConfigError({
      message: `crossEntropy: labelSmoothing must be from 0 to 1, got ${labelSmoothing}`,
      labelSmoothing,
    });
  return tidy(() => {
    const inputs = { logits: reshape(logits, [-1, logits.shape.at(-1)!]), labels: reshape(labels, [-1]) };
    return runCustomKernel<Tensor1D>(crossEntropyKernel, inputs, { labelSmoothing, ignoreIndex });
  });
}

/**
 * Mean cross-entropy over the labels that are not ignored, in nats; 0 when all are. The caller owns it.
 *
 * @param logits - `[..., classes]`.
 * @param labels - int32 `[...]`, from 0 to classes − 1, or `ignoreIndex`.
 * @throws {ShapeError} When labels and logits do not fit.
 * @throws {ConfigError} When the label smoothing is out of range.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Scalar {
  return tidy(() => {
    const losses = crossEntropyRows(logits, labels, options);
    const counted = sum(cast(notEqual(labels, scalar(options.ignoreIndex ?? -100, "int32")), "float32"));
    return div(sum(losses), maximum(counted, 1));
  });
}
