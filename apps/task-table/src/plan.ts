/**
 * What the table holds and what counts, fixed before any model was tuned on these tasks. Every task stays in the table, however it
 * comes out.
 */

/** The tasks, in the order of the table. */
export const TASKS = [
  "wordnet-supersense",
  "wordnet-verb-supersense",
  "wordnet-part-of-speech",
  "emoji-group",
  "spam",
  "speech-era",
  "speech-author",
  "wordnet-hypernym",
  "wordnet-antonym",
  "wordnet-gloss",
  "next-sentence",
  "word-order",
  "wordnet-definition",
] as const;

export const METHODS = [
  "majority",
  "words",
  "sapling-frozen",
  "sapling-tuned",
  "minilm-frozen",
  "minilm-tuned",
] as const;

/** Rows of each class to learn from, or all. */
export const ROWS = ["8", "32", "full"] as const;

export const SEEDS = [1, 2, 3, 4, 5] as const;

/**
 * A method beats another on a task when the whole 95 % t interval of the difference of their scores over the five seeds, in points of
 * percent, is at least this: 2.
 */
export const MARGIN_POINTS = 2;

/** Rows at which that is asked. */
export const COMPARED_ROWS: (typeof ROWS)[number] = "32";

/** How a model is trained. The same for all tasks and seeds; nothing of it is chosen by a task's test rows. */
export interface Recipe {
  readonly learningRate: number;
  /** Of runs on few rows, whatever their number. */
  readonly fewSteps: number;
  /** Of runs on all rows. */
  readonly epochs: number;
}

export const RECIPES: Readonly<Record<"frozen" | "tuned", Recipe>> = {
  frozen: { learningRate: 1e-2, fewSteps: 120, epochs: 3 },
  tuned: { learningRate: 1e-3, fewSteps: 120, epochs: 3 },
};

export const RANK = 8;
export const BATCH_SIZE = 16;
export const MAX_LENGTH = 96;
/** Lengths that batches are padded to: few, since each is another program. */
export const PAD_TO: readonly number[] = [32, 64, MAX_LENGTH];

/** Looks at the development rows in a run; the best of them is what is tested. */
export const EVALUATIONS = 4;
