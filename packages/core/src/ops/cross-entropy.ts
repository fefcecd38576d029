import { crossEntropyKernel, linearCrossEntropyKernel } from "@cambium/kernels";
import {
  cast,
  div,
  engine,
  equal,
  fill,
  greaterEqual,
  less,
  logicalAnd,
  logicalOr,
  maximum,
  mul,
  notEqual,
  reshape,
  type Scalar,
  scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  where,
} from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { hostValues } from "../host-values.ts";
import { matrixOf } from "../quantised-weight.ts";
import { runCustomKernel } from "./run-kernel.ts";

/** Settings of the cross-entropy losses. */
export interface CrossEntropyOptions {
  /** Share of the target spread evenly over all classes, from 0 to 1. @default 0 */
  readonly labelSmoothing?: number;
  /** Label whose rows have neither loss nor gradient. @default -100 */
  readonly ignoreIndex?: number;
}

/** As in PyTorch. */
const IGNORED = -100;

const known = ["labelSmoothing", "ignoreIndex"] as const;

/**
 * Cross-entropy of each row, in nats; 0 for ignored rows. The caller owns it.
 *
 * `(1 − s) · −log p(label) + s · mean over classes of −log p`, s the label smoothing.
 *
 * A label that is no class, and not `ignoreIndex`, is never ignored: it is an error on the backends cpu and wasm; elsewhere,
 * where looking at it would mean waiting for all the work before, its row's loss and gradient are NaN.
 *
 * @param logits - `[..., classes]`.
 * @param labels - int32 `[...]`, from 0 to classes − 1, or `ignoreIndex`.
 * @returns `[n]`, n the number of labels.
 * @throws {ShapeError} When labels and logits do not fit, or a label that can be looked at is no class; its index is named.
 * @throws {ConfigError} When the label smoothing is out of range.
 * @see Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567, section 7.
 */
export function crossEntropyRows(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor1D {
  checkOptions("crossEntropyRows", options, known);
  const { labelSmoothing = 0, ignoreIndex = IGNORED } = options;
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
  const classes = logits.shape.at(-1)!;
  const attributes = { labelSmoothing, ignoreIndex };
  const flat = (): Tensor => reshape(logits, [-1, classes]);
  return tidy(() =>
    ofClasses(labels, classes, ignoreIndex, (safe) =>
      runCustomKernel<Tensor1D>(crossEntropyKernel, { logits: flat(), labels: safe }, attributes),
    ),
  );
}

/** Losses of rows for labels that are classes or ignored: others are an error where they can be looked at, else NaN. */
function ofClasses(
  labels: Tensor,
  classes: number,
  ignoreIndex: number,
  lossesFor: (labels: Tensor1D) => Tensor1D,
): Tensor1D {
  const flat = reshape(labels, [-1]) as Tensor1D;
  const values = hostValues(labels);
  if (values !== undefined) {
    checkLabels(values, classes, ignoreIndex);
    return lossesFor(flat);
  }
  const { safe, factor } = guard(flat, classes, ignoreIndex);
  return mul(lossesFor(safe), factor);
}

function checkLabels(labels: ArrayLike<number>, classes: number, ignoreIndex: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if ((label >= 0 && label < classes) || label === ignoreIndex) continue;
    throw new ShapeError({
      message: `crossEntropy: labels must be from 0 to ${classes - 1}, or ${ignoreIndex} to be ignored, got ${label} at index ${i}`,
      index: i,
      label,
      classes,
    });
  }
}

/** Labels with the ignored one in place of those that are no class, and factors of 1, or NaN at these. */
function guard(
  labels: Tensor1D,
  classes: number,
  ignoreIndex: number,
): { readonly safe: Tensor1D; readonly factor: Tensor1D } {
  const isClass = logicalAnd(greaterEqual(labels, scalar(0, "int32")), less(labels, scalar(classes, "int32")));
  const isMeant = logicalOr(isClass, equal(labels, scalar(ignoreIndex, "int32")));
  const kept = cast(isMeant, "float32");
  return {
    safe: where(isMeant, labels, fill(labels.shape, ignoreIndex, "int32")),
    factor: div(kept, kept), // 1 / 1 and 0 / 0
  };
}

/**
 * Mean cross-entropy over the labels that are not ignored, in nats; 0 when all are. The caller owns it. A label that is no
 * class is an error, or makes the mean NaN, as `crossEntropyRows` says.
 *
 * @param logits - `[..., classes]`.
 * @param labels - int32 `[...]`, from 0 to classes − 1, or `ignoreIndex`.
 * @throws {ShapeError} When labels and logits do not fit, or a label that can be looked at is no class; its index is named.
 * @throws {ConfigError} When the label smoothing is out of range.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Scalar {
  checkOptions("crossEntropy", options, known);
  return tidy(() => meanOver(labels, options.ignoreIndex ?? IGNORED, crossEntropyRows(logits, labels, options)));
}

function meanOver(labels: Tensor, ignoreIndex: number, losses: Tensor): Scalar {
  const counted = sum(cast(notEqual(labels, scalar(ignoreIndex, "int32")), "float32"));
  return div(sum(losses), maximum(counted, 1));
}

/**
 * `crossEntropy(x weightᵀ, labels)`, of which the logits of a few rows exist at a time. The caller owns it. Labels of −100 are
 * ignored.
 *
 * While a gradient is recorded, that of `x` is computed with the loss, so that no logits have to be kept or computed twice;
 * that of the weight, where it is asked for, computes them again. A weight in 8 or 4 bits is multiplied as by linear layers.
 *
 * @param x - `[n, in]`.
 * @param weight - `[classes, in]`.
 * @param labels - int32 `[n]`, from 0 to classes − 1, or −100.
 * @param rows - How many rows' logits exist at a time, at least 1.
 * @throws {ShapeError} When the shapes do not fit, or a label that can be looked at is no class; its index is named.
 * @throws {ConfigError} When `rows` is no positive integer.
 */
export function linearCrossEntropy(x: Tensor2D, weight: Tensor2D, labels: Tensor1D, rows: number): Scalar {
  const [count, width] = x.shape;
  const [classes, input] = weight.shape;
  if (width !== input || labels.dtype !== "int32" || labels.rank !== 1 || labels.shape[0] !== count) {
    throw new ShapeError({
      message: `linearCrossEntropy: rows [${x.shape}] need a weight [classes, ${width}] and int32 labels [${count}], got [${weight.shape}] and ${labels.dtype} [${labels.shape}]`,
    });
  }
  if (!(Number.isInteger(rows) && rows > 0)) {
    throw new ConfigError({ message: `linearCrossEntropy: rows must be a positive integer, got ${rows}`, rows });
  }
  const matrix = matrixOf(weight);
  const attributes = {
    labelSmoothing: 0,
    ignoreIndex: IGNORED,
    rows,
    withGradient: engine().state.gradientDepth > 0,
    ...(matrix !== undefined && matrix.isTurned !== true && { matrix }),
  };
  return tidy(() => {
    const losses = ofClasses(labels, classes, IGNORED, (safe) => {
      const inputs = { x, weight, labels: safe };
      return runCustomKernel<[Tensor1D, ...Tensor[]]>(linearCrossEntropyKernel, inputs, attributes)[0];
    });
    return meanOver(labels, IGNORED, losses);
  });
}
