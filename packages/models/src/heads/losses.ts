/** Losses of heads, and what they are means over. */
import { ShapeError } from "@cambium/base";
import { crossEntropy } from "@cambium/core";
import { mean, reshape, type Scalar, slice, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import type { Head, ModelConfig, TokenBatch } from "../architecture.ts";

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

/**
 * The same for the next word: a row's scores are compared with the label one place later. Where a prompt stands in front, its
 * last row is compared with the first label.
 */
export const nextWordLoss: Loss = {
  loss(logits, batch): Scalar {
    const labels = labelsIn(batch);
    const [size, rows, vocab] = logits.shape as [number, number, number];
    const [, seq] = labels.shape as [number, number];
    const extra = rows - seq;
    const from = firstCompared(extra);
    const scores = slice(logits, [0, extra - 1 + from, 0], [size, seq - from, vocab]);
    return crossEntropy(scores, slice(labels, [0, from], [size, seq - from]));
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

/** Mean squared error. */
export const squaredErrorLoss: Loss = {
  loss(logits, batch): Scalar {
    const labels = labelsIn(batch);
    if (labels.dtype !== "float32" || labels.rank !== 1 || labels.shape[0] !== logits.shape[0]) {
      throw new ShapeError({
        message: `loss: regression needs float32 labels of shape [${logits.shape[0]}], got ${labels.dtype} [${labels.shape}]`,
      });
    }
    return mean(square(sub(reshape(logits, [-1]), labels)));
  },
  weight: (batch) => labelsIn(batch).shape[0]!,
};
