/** What a model scores on data, and what one scores that has learned nothing but how often each label comes. */

import { createEvaluator, type Evaluator, type PointLike } from "@cambium/connectivity";
import type { Objective } from "@cambium/core";
import { IGNORED, type LanguageModel, type TokenBatch } from "@cambium/models";
import type { Batches, Metrics } from "@cambium/train";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";

/** Scores of one model at one point. */
export interface Score {
  /** Mean loss, in nats; of regression in squares of its unit. */
  readonly loss: number;
  /** Share of rows that are right, 0 to 1, of heads that classify sequences. */
  readonly accuracy?: number;
}

/** Measures a point with an evaluator. */
export async function scoreAt(evaluator: Evaluator, point: PointLike): Promise<Score> {
  const { loss, accuracy } = await evaluator.measure(point);
  return { loss, ...(accuracy !== undefined && { accuracy }) };
}

/** Measures a tuned model once. */
export async function scoreOf(tuned: Objective<TokenBatch>, data: Batches<TokenBatch>): Promise<Score> {
  const evaluator = await createEvaluator(tuned, data);
  try {
    return await scoreAt(evaluator, tuned.parameters);
  } finally {
    evaluator.dispose();
  }
}

/** A score as metrics of a run. */
export const metricsOf = ({ loss, accuracy }: Score): Metrics => ({
  loss,
  ...(accuracy !== undefined && { accuracy }),
});

/**
 * What a constant answer scores: the share of the most frequent label, of several labels the mean over them, of regression the variance.
 * Undefined for heads on tokens.
 */
export async function baselineOf(
  model: Pick<LanguageModel, "head">,
  data: Batches<TokenBatch>,
): Promise<Score | undefined> {
  const { head } = model;
  if (head?.kind !== "sequence-classification" && head?.kind !== "regression") return undefined;
  const rows: number[][] = [];
  for await (const { batch } of data.epoch(0)) {
    try {
      if (batch.labels === undefined) return undefined;
      const width = batch.labels.size / batch.labels.shape[0]!;
      const values = await batch.labels.data();
      for (let i = 0; i < batch.labels.shape[0]!; i++) rows.push([...values.slice(i * width, (i + 1) * width)]);
    } finally {
      dispose(batch as unknown as Tensor[]);
    }
  }
  const columns = (rows[0] ?? []).map((_, j) => rows.map((row) => row[j]!));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  if (head.kind === "regression")
    return { loss: mean(columns.map((values) => mean(values.map((value) => (value - mean(values)) ** 2)))) };
  if (head.multiLabel === true) {
    const shares = columns.map(mean);
    const entropy = (p: number): number => (p === 0 || p === 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log(1 - p));
    return { loss: mean(shares.map(entropy)), accuracy: mean(shares.map((p) => Math.max(p, 1 - p))) };
  }
  const labels = columns[0]!.filter((label) => label !== IGNORED);
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / labels.length);
  return {
    loss: shares.reduce((sum, p) => sum - p * Math.log(p), 0),
    accuracy: Math.max(...shares),
  };
}

/** How much better than a constant answer: points of accuracy, or the share of its loss that is gone. */
export function gainOf(score: Score, baseline: Score): number {
  if (score.accuracy !== undefined && baseline.accuracy !== undefined) return score.accuracy - baseline.accuracy;
  return 1 - score.loss / baseline.loss;
}
