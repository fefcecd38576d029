import { ConfigError, ShapeError } from "@cambium/base";
import { crossEntropy, MASKED } from "@cambium/core";
import {
  add,
  cast,
  concat,
  equal,
  greater,
  logSumExp,
  matMul,
  mean,
  mul,
  range,
  reshape,
  type Scalar,
  scalar,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  transpose,
  where,
} from "@tensorflow/tfjs-core";
import type { Head, ModelConfig, TokenBatch } from "../architecture.ts";
import type { HeadConfig } from "../head-config.ts";
import { IGNORED } from "../heads/losses.ts";
import { site } from "../layout.ts";
import type { EmbeddingHead } from "./head-config.ts";
import { type Pooling, poolRows, unitRows } from "./pooling.ts";

function settingsOf(head: HeadConfig): EmbeddingHead {
  if (head.kind === "embedding") return head;
  throw new ConfigError({ message: `internal: an embedding head with the settings of a ${head.kind} head` });
}

const poolingsOf = ({ pooling = "mean" }: EmbeddingHead): readonly Pooling[] => [pooling].flat();

function labelsIn({ labels }: TokenBatch): Tensor {
  if (labels !== undefined) return labels;
  throw new ShapeError({
    message: "loss: the embedding head needs labels, the batch has none; collate rows of a text and its pair",
  });
}

/** Vectors of texts, as many for each row of the batch, at length 1: those of the first texts, of the second, and so on. */
function columnsOf(vectors: Tensor, rows: number): readonly Tensor2D[] {
  const count = vectors.shape[0]! / rows;
  if (!Number.isInteger(count) || count < 2) {
    throw new ShapeError({
      message: `loss: ${vectors.shape[0]} texts are no pairs for labels of ${rows} rows; the texts of all rows stand first, then those of all pairs`,
    });
  }
  const unit = unitRows(vectors);
  return Array.from({ length: count }, (_, i) => slice(unit, [i * rows, 0], [rows, -1]) as Tensor2D);
}

/**
 * Cross-entropy of `scale · cos(text, candidate)` where each row's own pair is the right one.
 *
 * @see Henderson et al. 2017, Efficient Natural Language Response Suggestion, arXiv:1705.00652, section 4.4, with the negatives
 *   and the scale of sentence-transformers' MultipleNegativesRankingLoss.
 */
function inBatchLoss(vectors: Tensor, labels: Tensor, { scale = 20, symmetric = false }: EmbeddingHead): Scalar {
  const [rows, candidates] = labels.shape as [number, number];
  const [texts, ...others] = columnsOf(vectors, rows) as [Tensor2D, ...Tensor2D[]];
  if (candidates !== rows * others.length) {
    throw new ShapeError({
      message: `loss: ${rows} texts have ${rows * others.length} candidates in the batch, and the labels have ${candidates}`,
    });
  }
  const hidden = mul(cast(equal(labels, scalar(IGNORED, "int32")), "float32"), scalar(MASKED));
  const scores = add(mul(matMul(texts, concat(others, 0), false, true), scalar(scale)), hidden);
  const own = range(0, rows, 1, "int32");
  const forward = crossEntropy(scores, own);
  if (!symmetric) return forward;
  const back = transpose(slice(scores, [0, 0], [rows, rows]));
  return mul(add(forward, crossEntropy(back, own)), scalar(0.5));
}

/** Cosines of the pairs, `[rows]`. */
function cosines(vectors: Tensor, rows: number): Tensor {
  const [texts, pairs, ...others] = columnsOf(vectors, rows);
  if (others.length > 0) {
    throw new ShapeError({ message: `loss: scored pairs are two texts, got ${others.length + 2} for each label` });
  }
  return sum(mul(texts!, pairs!), 1);
}

/**
 * `log(1 + Σ exp(scale · (cos_j − cos_i)))` over all i and j of which i has the greater label.
 *
 * @see Huang et al. 2024, CoSENT, doi:10.1109/TASLP.2024.3402087.
 */
function cosentLoss(vectors: Tensor, labels: Tensor, { scale = 20 }: EmbeddingHead): Scalar {
  const rows = labels.shape[0]!;
  const scores = mul(cosines(vectors, rows), scalar(scale));
  const [down, across] = [
    [rows, 1],
    [1, rows],
  ];
  const excess = sub(reshape(scores, across), reshape(scores, down)); // [i, j]
  const counts = greater(reshape(labels, down), reshape(labels, across));
  const terms = where(counts, excess, scalar(MASKED));
  return logSumExp(concat([reshape(terms, [-1]), reshape(scalar(0), [1])])) as Scalar;
}

/**
 * A head whose scores are vectors, `[texts, width]`: what the losses of pairs compare.
 *
 * @param dModel - Of the body.
 */
export function embeddingHead(dModel: number): Head<ModelConfig> {
  return {
    layout: (_config, head) => [site("logits", "logits", "logits", dModel * poolingsOf(settingsOf(head)).length)],
    forward(_scope, _config, hidden, _batch, head) {
      const settings = settingsOf(head);
      const vectors = poolRows(hidden, poolingsOf(settings));
      return settings.normalise === true ? unitRows(vectors) : vectors;
    },
    loss(vectors, batch, head) {
      const settings = settingsOf(head);
      const labels = labelsIn(batch);
      const { loss = "in-batch" } = settings;
      const [dtype, rank] = loss === "in-batch" ? (["int32", 2] as const) : (["float32", 1] as const);
      if (labels.dtype !== dtype || labels.rank !== rank) {
        throw new ShapeError({
          message: `loss: "${loss}" needs ${dtype} labels of rank ${rank}, got ${labels.dtype} [${labels.shape}]`,
        });
      }
      if (loss === "in-batch") return inBatchLoss(vectors, labels, settings);
      if (loss === "cosent") return cosentLoss(vectors, labels, settings);
      return mean(square(sub(cosines(vectors, labels.shape[0]!), labels)));
    },
    weight: (batch) => labelsIn(batch).shape[0]!,
  };
}
