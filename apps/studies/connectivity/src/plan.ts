/**
 * What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results.
 */

/** What is trained. */
export type MethodName = "whole" | "adapter" | "lora" | "prefix";

/** The one thing in which two ends differ. */
export type Factor = "order" | "start" | "wide-start" | "data";

/** What every cell has. */
export interface Cell {
  /** A sapling, `minilm`, or `ladder-<n>`: the n-th checkpoint of the ladder. */
  readonly model: string;
  readonly method: MethodName;
  readonly factor: Factor;
  readonly task: string;
  /** Rows of each class to learn from. */
  readonly rows: number;
  readonly measuredRows: number;
  readonly steps: number;
  readonly points: number;
  readonly curveSteps: number;
  readonly seed: number;
}

/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  readonly model: string;
  /** A real encoder, on which the central claims are tested once more. */
  readonly encoder: string;
  readonly methods: readonly MethodName[];
  readonly factors: readonly Factor[];
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  /** Steps of the ends, from short to long. */
  readonly steps: readonly number[];
  readonly points: number;
  readonly curveSteps: number;
  readonly rows: number;
  readonly measuredRows: number;
  /** Steps of pretraining at which there are checkpoints of the model. */
  readonly checkpoints: readonly number[];
}

export const FULL: Extent = {
  name: "full",
  model: "bert-4x256",
  encoder: "minilm",
  methods: ["whole", "adapter", "lora", "prefix"],
  factors: ["order", "start", "wide-start"],
  tasks: ["wordnet-part-of-speech", "emoji-group"],
  seeds: [1, 2, 3],
  steps: [100, 300],
  points: 11,
  curveSteps: 200,
  rows: 64,
  measuredRows: 200,
  checkpoints: [1, 2, 3, 4, 5, 6, 7, 8],
};

/**
 * Pairs that claims are about. Other orders matter for whole models, which are said to be connected whatever it is; wide starts and short
 * trainings for adapters; and disjoint rows are the question of another part.
 */
export function isMeant({ method, factor, steps }: Pick<Cell, "method" | "factor" | "steps">, extent: Extent): boolean {
  const isLong = steps === extent.steps.at(-1);
  if (factor === "order") return method === "whole" && isLong;
  if (factor === "wide-start") return method === "adapter";
  return factor === "start" && isLong;
}

/** The smallest sapling and hardly any steps: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  ...FULL,
  name: "smoke",
  model: "bert-2x128",
  encoder: "bert-2x128",
  methods: ["whole", "adapter"],
  factors: ["start", "wide-start"],
  tasks: ["emoji-group"],
  seeds: [1, 2],
  steps: [2],
  points: 3,
  curveSteps: 2,
  rows: 4,
  measuredRows: 16,
};

/** Learning rates by method; not tuned: ends need to learn, not to be the best. */
export const RATES: Readonly<Record<MethodName, number>> = { whole: 3e-4, adapter: 3e-3, lora: 3e-3, prefix: 1e-2 };
/** Deviations of what a delta starts from, as the specification of the experiments has them. */
export const NARROW = 0.02;
export const WIDE = 0.08;

export const MAX_LENGTH = 64;
export const PAD_TO: readonly number[] = [16, 32, MAX_LENGTH];
export const BATCH = 16;

/** Points of percent that a score may drop between connected ends. */
export const DROP = 3;
/** Share of a barrier that a curve must take away. */
export const REMOVED = 0.7;
/** A barrier below this, in nats, is none that anything could take away. */
export const NO_BARRIER = 0.01;
/** Rank correlation that counts as a trend. */
export const TREND = 0.8;
