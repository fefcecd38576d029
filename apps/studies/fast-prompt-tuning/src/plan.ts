/**
 * What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results.
 */

/**
 * Ordinary prompt tuning; growth of depth, of width, of both; and ordinary prompt tuning that is stopped at the cost of both, which is the control: what is saved must not be
 * what fewer steps would save as well.
 */
export const METHODS = ["prompt", "depth", "width", "compound", "prompt-matched"] as const;
export type MethodName = (typeof METHODS)[number];
/** Those on the decoder. */
export const FEW_METHODS: readonly MethodName[] = ["prompt", "compound", "prompt-matched"];

/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  readonly encoder: string;
  /** A decoder, whose learning rates are the encoder's. */
  readonly decoder: string;
  readonly tasks: readonly string[];
  /** On the decoder, whose steps take three times as long from a quarter of the rows: fewer of everything, and no growth of depth or of width alone. */
  readonly twoTasks: readonly string[];
  readonly fewSeeds: readonly number[];
  readonly fewSteps: number;
  /** Rates are tuned by the development rows of these. */
  readonly tunedOn: readonly string[];
  readonly seeds: readonly number[];
  readonly steps: number;
  /** Rates that are tried, as many for each method. */
  readonly rates: readonly number[];
  /** Steps of the first and of the last round of the tuning. */
  readonly tuningSteps: readonly [from: number, to: number];
  /** Rows that neurons are scored on; their forward passes count. */
  readonly scored: number;
}

export const FULL: Extent = {
  name: "full",
  encoder: "minilm",
  decoder: "smollm2",
  tasks: ["wordnet-part-of-speech", "emoji-group", "wordnet-supersense", "spam", "speech-author"],
  twoTasks: ["wordnet-part-of-speech", "emoji-group"],
  tunedOn: ["wordnet-part-of-speech", "emoji-group"],
  fewSeeds: [1, 2, 3],
  fewSteps: 100,
  seeds: [1, 2, 3],
  steps: 200,
  rates: [3e-3, 1e-2, 3e-2, 1e-1, 3e-1],
  tuningSteps: [60, 180],
  scored: 128,
};

/** The same with the smallest sapling in every place and hardly any steps: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  name: "smoke",
  encoder: "bert-2x128",
  decoder: "bert-2x128",
  tasks: ["emoji-group"],
  twoTasks: ["emoji-group"],
  tunedOn: ["emoji-group"],
  fewSeeds: [1, 2],
  fewSteps: 5,
  seeds: [1, 2],
  steps: 5,
  rates: [1e-2],
  tuningSteps: [1, 1],
  scored: 16,
};

/** A seed that is reported nowhere. */
export const TUNING_SEED = 101;

/** Rows of each class to learn from. */
export const ROWS = 32;

/** Rows of a step. Sixteen of the decoder's would take 8 GB. */
export const batchSizeOf = (model: string): number => (model === FULL.decoder ? 4 : 16);
export const MAX_LENGTH = 64;
/** Lengths that batches are padded to: few, since each is another program. */
export const PAD_TO: readonly number[] = [16, 32, MAX_LENGTH];
/** Most rows that a run is measured on. */
export const measuredRowsOf = (model: string): number => (model === FULL.decoder ? 200 : 400);
export const PROMPT_LENGTH = 10;

/** Learning rate of a new head beside a prompt, the same for every method. */
export const HEAD_RATE = 3e-3;

/** Points of percent within which a score is equal. */
export const MARGIN = 1.5;
/** Percent of operations and of wall clock that growth of both is to save. */
export const LEAST_FLOPS = 35;
export const LEAST_TIME = 28;
