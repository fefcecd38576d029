/** What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results. */
/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  readonly model: string;
  /** A real encoder, on which the central claims are tested once more. */
  readonly encoder: string;
  readonly dimensions: readonly number[];
  readonly seeds: readonly number[];
  /** Real tasks, each of which gives pairs of its classes: families of binary tasks. */
  readonly families: readonly string[];
  /** Pairs of a family that the subspace is made of; one more is held out. */
  readonly pairs: number;
  /** Rows of each class to learn from, and rows to measure on at most. */
  readonly rows: number;
  readonly measured: number;
  /** Steps of ordinary training, and of the coordinates. */
  readonly steps: number;
  readonly fewSteps: number;
}

export const FULL: Extent = {
  name: "full",
  model: "bert-4x256",
  encoder: "minilm",
  dimensions: [1, 8],
  seeds: [1, 2, 3],
  families: ["wordnet-supersense", "wordnet-verb-supersense", "emoji-group", "speech-era"],
  pairs: 3,
  rows: 64,
  measured: 200,
  steps: 300,
  fewSteps: 200,
};

/** The same with the smallest sapling and hardly any steps: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  ...FULL,
  name: "smoke",
  model: "bert-2x128",
  encoder: "bert-2x128",
  dimensions: [1],
  seeds: [1, 2],
  families: ["wordnet-verb-supersense"],
  pairs: 2,
  rows: 4,
  measured: 8,
  steps: 4,
  fewSteps: 3,
};

/** On the encoder: the most coordinates alone, on fewer families. */
export const encoderExtent = (extent: Extent): Extent => ({
  ...extent,
  model: extent.encoder,
  dimensions: extent.dimensions.slice(-1),
  families: extent.families.slice(0, 3),
});

/** Of a run, by what its cell is told. */
export function extentOf({ extent, on }: Pick<Cell, "extent" | "on">): Extent {
  const all = extent === "smoke" ? SMOKE : FULL;
  return on === "encoder" ? encoderExtent(all) : all;
}

/** Learning rates of ordinary training, and of coordinates: those of the authors' grid that a small model needs. */
export const RATES = { lora: 3e-3, adapter: 3e-3, prefix: 1e-2 } as const;
export const COORDINATE_RATE = 0.1;
export type Method = keyof typeof RATES;
export const METHODS = Object.keys(RATES) as readonly Method[];
export const BATCH_SIZE = 16;
export const MAX_LENGTH = 32;

/** A run. */
export interface Cell {
  /** Fitted to all methods together, at random, or each method's own principal components. */
  readonly space: "fitted" | "random" | "own";
  readonly dimension: number;
  /** Name of the extent, whose numbers stand in the study's inputs. */
  readonly extent: string;
  readonly on: "sapling" | "encoder";
  readonly seed: number;
}
