/**
 * What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results.
 */
import { saplings } from "@cambium/saplings";

export type MethodName = "prompt" | "bitfit" | "lora" | "adapter";

/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  /** Models of one recipe, from small to large: only these say anything about size. */
  readonly ladder: readonly string[];
  /** A model of another recipe, reported apart. */
  readonly encoder: string;
  /** And a decoder, whose learning rates are the encoder's. */
  readonly decoder: string;
  /** Designed methods, in their sizes of Su et al. 2023. */
  readonly methods: readonly MethodName[];
  readonly tasks: readonly string[];
  readonly fourTasks: readonly string[];
  readonly twoTasks: readonly string[];
  /** Rates are tuned by the development rows of these. */
  readonly tunedOn: readonly string[];
  readonly seeds: readonly number[];
  readonly fewSeeds: readonly number[];
  readonly steps: number;
  /** Rates that are tried. */
  readonly rates: readonly number[];
  /** Steps of the first and of the last round of the tuning. */
  readonly tuningSteps: readonly [from: number, to: number];
  /** Counts of the sweep on the ladder, and on the encoder. */
  readonly counts: readonly number[];
  readonly fewCounts: readonly number[];
}

/** The saplings of version 1 that are shipped, from small to large: another size joins by being shipped. */
const ladder = saplings
  .filter(({ version }) => version === 1)
  .toSorted((a, b) => a.parameterCount - b.parameterCount)
  .map(({ name }) => name);

export const FULL: Extent = {
  name: "full",
  ladder,
  encoder: "minilm",
  decoder: "smollm2",
  methods: ["prompt", "bitfit", "lora", "adapter"],
  tasks: [
    "wordnet-part-of-speech",
    "emoji-group",
    "wordnet-supersense",
    "wordnet-verb-supersense",
    "spam",
    "speech-author",
  ],
  fourTasks: ["wordnet-part-of-speech", "emoji-group", "wordnet-supersense", "wordnet-verb-supersense"],
  twoTasks: ["wordnet-part-of-speech", "emoji-group"],
  tunedOn: ["wordnet-part-of-speech", "emoji-group"],
  seeds: [1, 2, 3, 4, 5],
  fewSeeds: [1, 2, 3],
  steps: 160,
  rates: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1],
  tuningSteps: [40, 120],
  counts: [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536],
  fewCounts: [1, 16, 256, 4096, 65_536],
};

/** The same with the smallest sapling in every place and hardly any steps: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  name: "smoke",
  ladder: ladder.slice(0, 1),
  encoder: ladder[0]!,
  decoder: ladder[0]!,
  methods: ["lora"],
  tasks: ["emoji-group"],
  fourTasks: ["emoji-group"],
  twoTasks: ["emoji-group"],
  tunedOn: ["emoji-group"],
  seeds: [1, 2],
  fewSeeds: [1, 2],
  steps: 3,
  rates: [1e-2],
  tuningSteps: [1, 1],
  counts: [16],
  fewCounts: [16],
};

/** A seed that is reported nowhere. */
export const TUNING_SEED = 101;

/** Rows of each class to learn from; in the study of combinations, as few as the survey has. */
export const ROWS = 32;
export const FEW_ROWS = 16;

/** Rows of a step. Sixteen of the decoder's would take 8 GB. */
export const batchSizeOf = (model: string): number => (model === FULL.decoder ? 4 : 16);
export const MAX_LENGTH = 64;
/** Lengths that batches are padded to: few, since each is another program. */
export const PAD_TO: readonly number[] = [16, 32, MAX_LENGTH];
/** Most rows that a run is measured on. */
export const MEASURED_ROWS = 400;

/** Learning rate of a new head beside a delta, the same for every method. */
export const HEAD_RATE = 3e-3;

/** Points of percent within which two ways are as good as each other. */
export const MARGIN = 2;
/** Points of percent below full fine-tuning that still count as reaching it. */
export const TOLERANCE = 1;
/** Steps of the sweep by a factor of four are 0.6 in the decimal logarithm: less than this is one step or none. */
export const ONE_STEP = 0.7;
