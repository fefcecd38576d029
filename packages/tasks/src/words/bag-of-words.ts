/** The baseline without a transformer: words, and a weight for each. */
import { ConfigError, parseConfig } from "@cambium/base";
import type { LabelScore } from "@cambium/models";
import * as z from "zod";
import type { Texts } from "../task/template.ts";
import { createVocabulary, featurise } from "./features.ts";
import { fitLogisticRegression, type LogisticModel, scoreRows } from "./logistic-regression.ts";
import type { SparseRows } from "./sparse.ts";

/** A text, or a pair, with its class. */
export interface LabelledTexts extends Texts {
  readonly label: string;
}

/** Settings of `fitBagOfWords`. */
export interface BagOfWordsOptions {
  /** Texts that must hold a word for it to count, from 1. @default 2 */
  readonly leastTexts?: number;
}

/** A classifier of texts by their words. */
export interface BagOfWords {
  /** The classes, in alphabetical order. */
  readonly labels: readonly string[];
  /** Weights and biases. */
  readonly trainableCount: number;
  /** The chosen penalty. */
  readonly penalty: number;
  /** Mean loss of the development texts, in nats. */
  readonly devLoss: number;
  /** Log-odds of each class against the others, in nats, one list a text; of two classes, those of the first are minus those of the second. */
  score(rows: readonly Texts[]): number[][];
  /** Each class with its probability, the likeliest first. */
  predict(rows: readonly Texts[]): LabelScore[][];
}

const PENALTIES: readonly number[] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

const schema = z.strictObject({ leastTexts: z.int().positive().exactOptional() });

/**
 * Fits tf-idf features of words with L2-penalised logistic regressions, one for each class against the others; the penalty is the
 * best of six on the `dev` texts. Of pairs, the words of each text count by themselves, and once more those that both hold.
 *
 * @throws {ConfigError} When there are no `dev` texts, fewer than two classes, or a class of `dev` that `train` has not.
 * @see Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, §6.4 (the weighting).
 * @example
 * const words = fitBagOfWords(train, dev);
 * measureClassification(words.predict(test), test.map(({ label }) => label)).accuracy;
 */
export function fitBagOfWords(
  train: readonly LabelledTexts[],
  dev: readonly LabelledTexts[],
  options: BagOfWordsOptions = {},
): BagOfWords {
  const { leastTexts = 2 } = parseConfig("fitBagOfWords", schema, options);
  const labels = [...new Set(train.map(({ label }) => label))].sort();
  const strange = dev.find(({ label }) => !labels.includes(label));
  if (labels.length < 2 || dev.length === 0 || strange !== undefined) {
    throw new ConfigError({
      message: `fitBagOfWords: ${strange !== undefined && labels.length > 1 ? `no training text has the class "${strange.label}" of a development text` : dev.length === 0 ? "there are no development texts" : "the training texts need two classes"}`,
    });
  }
  const vocabulary = createVocabulary(train, leastTexts);
  const [rows, devRows] = [featurise(train, vocabulary), featurise(dev, vocabulary)];
  // Of two classes one regression says all.
  const fitted = labels.length === 2 ? labels.slice(1) : labels;
  const targets = fitted.map((label) => Float64Array.from(train, (row) => (row.label === label ? 1 : 0)));
  let best:
    | { readonly models: readonly LogisticModel[]; readonly penalty: number; readonly devLoss: number }
    | undefined;
  for (const penalty of PENALTIES) {
    const models = targets.map((target) => fitLogisticRegression(rows, target, penalty));
    const devLoss = meanLoss(scoresOf(models, devRows), dev, labels);
    if (best === undefined || devLoss < best.devLoss) best = { models, penalty, devLoss };
  }
  const { models, penalty, devLoss } = best!;
  const score = (texts: readonly Texts[]): number[][] => scoresOf(models, featurise(texts, vocabulary));
  return {
    labels,
    trainableCount: models.length * (vocabulary.columns.size + 1),
    penalty,
    devLoss,
    score,
    predict: (texts) =>
      score(texts).map((logits) => {
        const shares = probabilities(logits);
        return labels.map((label, i) => ({ label, score: shares[i]! })).sort((a, b) => b.score - a.score);
      }),
  };
}

/** Log-odds of each class, row by row. */
function scoresOf(models: readonly LogisticModel[], rows: SparseRows): number[][] {
  const columns = models.map((model) => scoreRows(model, rows));
  return Array.from({ length: rows.rowCount }, (_, i) => {
    const own = columns.map((column) => column[i]!);
    return own.length === 1 ? [-own[0]!, own[0]!] : own;
  });
}

/** Probabilities that add up to 1: the classes' own ones by their share. */
function probabilities(logits: readonly number[]): number[] {
  const own = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  const total = own.reduce((sum, value) => sum + value, 0);
  return own.map((value) => (total === 0 ? 1 / own.length : value / total));
}

/** Mean loss in nats a text. */
function meanLoss(
  scores: readonly (readonly number[])[],
  rows: readonly LabelledTexts[],
  labels: readonly string[],
): number {
  const losses = scores.map(
    (logits, i) => -Math.log(Math.max(probabilities(logits)[labels.indexOf(rows[i]!.label)]!, 1e-300)),
  );
  return losses.reduce((sum, loss) => sum + loss, 0) / rows.length;
}
