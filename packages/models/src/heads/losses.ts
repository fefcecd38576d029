/** Losses of heads, and what they are means over. */
import { ShapeError } from "@cambium/base";
import { crossEntropy, linearCrossEntropy, type Scope, sizeOfShape } from "@cambium/core";
import {
  add,
  div,
  mean,
  mul,
  reshape,
  type Scalar,
  scalar,
  slice,
  softplus,
  square,
  squeeze,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import type { Head, Hidden, ModelConfig, TokenBatch } from "../architecture.ts";
import type { HeadConfig } from "../head-config.ts";

/** What a head's loss is, and what it is a mean over. */
export type Loss = Pick<Head<ModelConfig>, "loss" | "weight">;

/** Labels that are not counted, as in PyTorch. */
export const IGNORED = -100;

function labelsIn({ labels }: TokenBatch): Tensor {
  if (labels !== undefined) return labels;
  throw new ShapeError({ message: "loss: the head needs labels, the batch has none; collate rows that have them" });
}

/** Labels that are counted. */
function countLabels(labels: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] !== IGNORED) count++;
  return count;
}

/** Mean cross-entropy in nats over the labels that are not ignored. */
export const crossEntropyLoss: Loss = {
  loss: (logits, batch) => crossEntropy(logits, labelsIn(batch)),
  weight: (batch) => countLabels(labelsIn(batch).dataSync()),
};

/** The first label that a row comes before: a row of a prompt comes before the very first. */
const firstCompared = (extra: number): 0 | 1 => (extra === 0 ? 1 : 0);

/** Rows that are compared with a label, `[batch, n, width]`, and these labels, `[batch, n]`. */
function withNextWords(rows: Tensor, batch: TokenBatch): { readonly compared: Tensor; readonly next: Tensor } {
  const labels = labelsIn(batch);
  const [size, all, width] = rows.shape as [number, number, number];
  const [, seq] = labels.shape as [number, number];
  const extra = all - seq;
  const from = firstCompared(extra);
  return {
    compared: slice(rows, [0, extra - 1 + from, 0], [size, seq - from, width]),
    next: slice(labels, [0, from], [size, seq - from]),
  };
}

/** Logits that may exist at a time where the loss is taken in parts: 32 MiB. */
const LOGITS_AT_A_TIME = 2 ** 23;

/**
 * `nextWordLoss` of the scores that the linear site at `path` gives, which never exist all at once; nothing where they are few,
 * or where hooks act on the site, its weight or the scores.
 */
export function nextWordLossAtOnce(scope: Scope, path: string, hidden: Hidden, batch: TokenBatch): Scalar | undefined {
  const { weight: stored, bias } = scope.site("linear", path);
  if (stored?.layout !== "out,in" || bias !== undefined) return undefined;
  if (scope.isHooked("linear", path) || scope.isHooked("logits", "logits")) return undefined;
  const weight = scope.read(stored.name) as Tensor2D;
  const { compared, next } = withNextWords(hidden.hidden, batch);
  const [vocab, width] = weight.shape;
  const count = sizeOfShape(next.shape);
  const parts = Math.ceil((count * vocab) / LOGITS_AT_A_TIME);
  if (parts < 2) return undefined;
  const x = reshape(compared, [count, width]) as Tensor2D;
  return linearCrossEntropy(x, weight, reshape(next, [count]) as Tensor1D, Math.ceil(count / parts));
}

/**
 * The same for the next word: a row's scores are compared with the label one place later. Where a prompt stands in front, its
 * last row is compared with the first label.
 */
export const nextWordLoss: Loss = {
  loss(logits, batch): Scalar {
    const { compared, next } = withNextWords(logits, batch);
    return crossEntropy(compared, next);
  },
  weight(batch, extra) {
    const labels = labelsIn(batch);
    const [size, seq] = labels.shape as [number, number];
    const from = firstCompared(extra);
    const values = labels.dataSync();
    const rows = Array.from({ length: size }, (_, i) => countLabels(values.slice(i * seq + from, (i + 1) * seq)));
    return rows.reduce((sum, count) => sum + count, 0);
  },
};

/** Labels of floats, in the shape of the logits or without a last axis of 1. */
function floatLabels(logits: Tensor, batch: TokenBatch, what: string): Tensor {
  const labels = labelsIn(batch);
  const [size, width] = logits.shape as [number, number];
  const wanted = width === 1 && what === "regression" ? [size] : [size, width];
  if (labels.dtype !== "float32" || labels.shape.join() !== wanted.join()) {
    throw new ShapeError({
      message: `loss: ${what} needs float32 labels of shape [${wanted}], got ${labels.dtype} [${labels.shape}]`,
    });
  }
  return reshape(labels, [size, width]);
}

/** Mean squared error over rows and outputs. */
export const squaredErrorLoss: Loss = {
  loss: (logits, batch): Scalar => mean(square(sub(logits, floatLabels(logits, batch, "regression")))),
  weight: (batch) => labelsIn(batch).shape[0]!,
};

/**
 * Binary cross-entropy of each label by itself, `softplus(x) − x·y`, a mean over rows and labels: PyTorch's
 * `BCEWithLogitsLoss`.
 */
const multiLabelLoss: Loss = {
  loss: (logits, batch): Scalar =>
    mean(sub(softplus(logits), mul(logits, floatLabels(logits, batch, "a head of several labels")))),
  weight: (batch) => labelsIn(batch).shape[0]!,
};

const isMultiLabel = (head: HeadConfig): boolean => head.kind === "sequence-classification" && head.multiLabel === true;

/** The loss of sequence classification, of one label or of several. */
export const classificationLoss: Loss = {
  loss: (logits, batch, head) => (isMultiLabel(head) ? multiLabelLoss : crossEntropyLoss).loss(logits, batch, head),
  weight: (batch, extra, head) => (isMultiLabel(head) ? multiLabelLoss : crossEntropyLoss).weight(batch, extra, head),
};

/**
 * The mean of two cross-entropies over the tokens of a sequence: of the answer's first token, and of its last. Scores of
 * padding count among those that are not the answer, as in transformers.
 */
export const spanLoss: Loss = {
  loss(logits, batch): Scalar {
    const labels = labelsIn(batch);
    const [size, seq] = logits.shape as [number, number];
    if (labels.rank !== 2 || labels.shape[0] !== size || labels.shape[1] !== 2) {
      throw new ShapeError({
        message: `loss: question answering needs int32 labels of shape [${size}, 2], first and last token of each answer, got ${labels.dtype} [${labels.shape}]`,
      });
    }
    const end = (which: 0 | 1): Scalar =>
      crossEntropy(
        squeeze(slice(logits, [0, 0, which], [size, seq, 1]), [2]),
        squeeze(slice(labels, [0, which], [size, 1]), [1]),
      );
    return div(add(end(0), end(1)), scalar(2)) as Scalar;
  },
  weight(batch) {
    const firsts = labelsIn(batch)
      .dataSync()
      .filter((_, i) => i % 2 === 0);
    return countLabels(firsts);
  },
};
