/** Scores as probabilities. */
import { StateError } from "@cambium/base";
import type { LabelScore } from "../prediction.ts";

/** Probabilities of which one holds. */
export function softmax(logits: readonly number[]): number[] {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Probability of one that holds by itself. */
export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** Labels with their scores, the largest first; equal scores in the order of the labels. */
export function byScore(labels: readonly string[], scores: readonly number[]): LabelScore[] {
  return labels.map((label, i) => ({ label, score: scores[i]! })).sort((a, b) => b.score - a.score);
}

/** Index of the largest. */
export const largestOf = (values: readonly number[]): number =>
  values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);

/** Throws for a score that is no number: of a model whose training diverged. */
export function checkFinite(logits: readonly number[], index: number): void {
  const strange = logits.find((logit) => !Number.isFinite(logit));
  if (strange === undefined) return;
  throw new StateError({
    message: `predictor: the model gives ${strange} for text ${index}; did its training diverge?`,
    index,
  });
}
