import {
  add,
  cast,
  expandDims,
  fill,
  logSoftmax,
  maximum,
  mean,
  mul,
  neg,
  notEqual,
  oneHot,
  scalar,
  softmax,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
} from "@tensorflow/tfjs-core";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensors of `SoftmaxCrossEntropy`: `logits` `[n, classes]`, `labels` `[n]` int32. */
export interface CrossEntropyInputs<T = Tensor> {
  readonly logits: T;
  readonly labels: T;
}

/** Tensors of `SoftmaxCrossEntropyGrad`: those of the forward kernel, and `dy` `[n]`. */
export interface CrossEntropyGradInputs<T = Tensor> extends CrossEntropyInputs<T> {
  readonly dy: T;
}

/** Attributes of the cross-entropy kernels. */
export interface CrossEntropyAttributes {
  /** Share of the target spread evenly over all classes, from 0 to 1. */
  readonly labelSmoothing: number;
  /** Label whose rows have neither loss nor gradient. */
  readonly ignoreIndex: number;
}

/** 1 for rows that count, 0 for ignored ones, `[n]`. */
const counted = (labels: Tensor, ignoreIndex: number): Tensor =>
  cast(notEqual(labels, scalar(ignoreIndex, "int32")), "float32");

/** One-hot targets `[n, classes]`; ignored rows get some class, and are masked by the caller. */
const targets = (labels: Tensor, classes: number): Tensor =>
  classes === 1 // which tfjs's oneHot refuses
    ? fill([labels.size, 1], 1)
    : cast(oneHot(maximum(labels, scalar(0, "int32")) as Tensor1D, classes), "float32");

/** `−Σ target · log softmax(logits)` for each row, in nats, `[n]`. */
export const crossEntropyKernel: CustomKernel = defineKernel<CrossEntropyInputs, CrossEntropyAttributes>(
  "SoftmaxCrossEntropy",
  ({ logits, labels }, { labelSmoothing, ignoreIndex }) => {
    const logProbabilities = logSoftmax(logits);
    const likelihood = sum(mul(logProbabilities, targets(labels, logits.shape[1]!)), -1);
    const smoothed =
      labelSmoothing === 0
        ? likelihood
        : add(mul(likelihood, 1 - labelSmoothing), mul(mean(logProbabilities, -1), labelSmoothing));
    return mul(neg(smoothed), counted(labels, ignoreIndex));
  },
);

/** `(softmax − target) · dy` for rows that count, zero for ignored ones. */
export const crossEntropyGradKernel: CustomKernel = defineKernel<CrossEntropyGradInputs, CrossEntropyAttributes>(
  "SoftmaxCrossEntropyGrad",
  ({ dy, logits, labels }, { labelSmoothing, ignoreIndex }) => {
    const classes = logits.shape[1]!;
    const hard = targets(labels, classes);
    const target = labelSmoothing === 0 ? hard : add(mul(hard, 1 - labelSmoothing), labelSmoothing / classes);
    return mul(sub(softmax(logits), target), expandDims(mul(dy, counted(labels, ignoreIndex)), 1));
  },
);
