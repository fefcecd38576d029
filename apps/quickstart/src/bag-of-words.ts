import { fitLogisticRegression, type LogisticModel, scoreRows } from "./logistic-regression.ts";
import { type SparseRows, sparseRows } from "./sparse.ts";

/** A text and whether it is of the class looked for. */
export interface LabelledText {
  readonly text: string;
  readonly positive: boolean;
}

/** Words of the training texts, with the logarithm of how rare each is. */
interface Vocabulary {
  readonly columns: ReadonlyMap<string, number>;
  readonly rarity: readonly number[];
}

const words = (text: string): readonly string[] => text.toLowerCase().match(/[a-z0-9']+|[$!?%]+/g) ?? [];

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Words that at least two texts hold; `idf = ln((1 + n) / (1 + df)) + 1`. */
function createVocabulary(texts: readonly string[]): Vocabulary {
  const frequency = new Map<string, number>();
  for (const text of texts)
    for (const word of new Set(words(text))) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const kept = [...frequency].filter(([, count]) => count >= 2);
  return {
    columns: new Map(kept.map(([word], column) => [word, column])),
    rarity: kept.map(([, count]) => Math.log((1 + texts.length) / (1 + count)) + 1),
  };
}

/** A row a text: `(1 + ln tf) · idf`, scaled to length 1. */
function featurise(texts: readonly string[], { columns, rarity }: Vocabulary): SparseRows {
  const rows = texts.map((text) => {
    const row: [number, number][] = [];
    for (const [word, count] of countWords(text)) {
      const column = columns.get(word);
      if (column !== undefined) row.push([column, (1 + Math.log(count)) * rarity[column]!]);
    }
    const length = Math.hypot(...row.map(([, value]) => value)) || 1;
    return row.map(([column, value]) => [column, value / length] as const);
  });
  return sparseRows(rows, columns.size);
}

/** A classifier of texts by their words. */
export interface BagOfWords {
  /** Weights and the bias. */
  readonly trainableCount: number;
  /** The chosen penalty. */
  readonly penalty: number;
  /** Log-odds of the positive class, one a text. */
  score(texts: readonly string[]): Float64Array;
}

const PENALTIES: readonly number[] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

/** Mean loss in nats a text. */
function meanLoss(scores: Float64Array, texts: readonly LabelledText[]): number {
  return (
    scores.reduce((sum, score, i) => sum + Math.log1p(Math.exp(texts[i]!.positive ? -score : score)), 0) / texts.length
  );
}

/**
 * Fits tf-idf features with an L2-penalised logistic regression; the penalty is the best of six on the `dev` texts.
 *
 * @see Manning, Raghavan and Schütze 2008, Introduction to Information Retrieval, §6.4 (the weighting).
 */
export function fitBagOfWords(train: readonly LabelledText[], dev: readonly LabelledText[]): BagOfWords {
  const vocabulary = createVocabulary(train.map(({ text }) => text));
  const rows = featurise(
    train.map(({ text }) => text),
    vocabulary,
  );
  const devRows = featurise(
    dev.map(({ text }) => text),
    vocabulary,
  );
  const targets = Float64Array.from(train, ({ positive }) => (positive ? 1 : 0));
  let best: { model: LogisticModel; penalty: number; loss: number } | undefined;
  for (const penalty of PENALTIES) {
    const model = fitLogisticRegression(rows, targets, penalty);
    const loss = meanLoss(scoreRows(model, devRows), dev);
    if (best === undefined || loss < best.loss) best = { model, penalty, loss };
  }
  const { model, penalty } = best!;
  return {
    trainableCount: vocabulary.columns.size + 1,
    penalty,
    score: (texts) => scoreRows(model, featurise(texts, vocabulary)),
  };
}
