/**
 * What is measured, with what, and what counts: fixed before any of it was run. Whatever comes out stays in the results.
 */
import type { Domain } from "./text.ts";

/** What is trained on a task. */
export type MethodName = "whole" | "adapter" | "lora";

/** How a model's later versions are made: it is trained on, domain after domain. */
export interface Continuation {
  /** What each version learns from; the first is the second version's. */
  readonly domains: readonly Domain[];
  /** Steps for each version. */
  readonly steps: number;
  /** Steps of each version after which the model is kept; the last is its end. */
  readonly kept: readonly number[];
  /** Sequences of a step. */
  readonly rows: number;
  /** Tokens of a sequence. */
  readonly length: number;
  readonly learningRate: number;
  /** All weights, or a LoRA in every layer that is merged into them. */
  readonly change: "whole" | "lora";
  /** Most documents of a domain. @default all */
  readonly most?: number;
}

/** Share of the steps that are text of the versions before: one in so many. */
export const REPLAY_EVERY = 10;

/** Changed wherever versions would be. */
export const RECIPE = "1";

/** What is trained on here. */
export const CONTINUATIONS: Readonly<Record<string, Continuation>> = {
  "bert-4x256": {
    domains: ["mail", "web"],
    steps: 400,
    kept: [50, 100, 200, 400],
    rows: 8,
    length: 128,
    learningRate: 5e-4,
    change: "whole",
  },
  smollm2: {
    domains: ["mail", "dictionary"],
    steps: 100,
    kept: [25, 50, 100],
    rows: 4,
    length: 96,
    learningRate: 1e-3,
    change: "lora",
  },
  "bert-2x128": {
    domains: ["web", "dictionary"],
    steps: 2,
    kept: [2],
    rows: 2,
    length: 32,
    learningRate: 5e-4,
    change: "whole",
    most: 60,
  },
};

/** The saplings that `pnpm grow` makes: versions with checkpoints, and another seed as the control. */
export const GROWN = "grown";

/** What every cell has. */
export interface Cell {
  /** A model whose versions are made here, or `grown`. */
  readonly model: string;
  /** Fingerprint of its versions. */
  readonly versions: string;
  readonly method: MethodName;
  readonly task: string;
  /** Rows of each class that the old model learns from. */
  readonly rows: number;
  /** Rows of each class that are left for the new one, to learn from and as many to choose by. */
  readonly fewRows: number;
  readonly measuredRows: number;
  readonly steps: number;
  /** Steps with few rows. */
  readonly fewSteps: number;
  /** Points of a path. */
  readonly points: number;
  readonly seed: number;
}

/** How much of everything a study takes. */
export interface Extent {
  readonly name: "full" | "smoke";
  readonly encoder: string;
  readonly decoder: string;
  /** On the encoder; the decoder has LoRA. */
  readonly methods: readonly MethodName[];
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  /** Those of the decoder. */
  readonly fewTasks: readonly string[];
  /** Of the encoder. */
  readonly sizes: Sizes;
  /** Of the decoder, a step of which takes many times as long. */
  readonly fewSizes: Sizes;
}

type Sizes = Pick<Cell, "rows" | "fewRows" | "measuredRows" | "steps" | "fewSteps" | "points">;

export const FULL: Extent = {
  name: "full",
  encoder: "bert-4x256",
  decoder: "smollm2",
  methods: ["whole", "adapter"],
  tasks: ["speech-author", "wordnet-part-of-speech", "spam"],
  fewTasks: ["wordnet-part-of-speech"],
  seeds: [1, 2, 3],
  sizes: { rows: 200, fewRows: 16, measuredRows: 300, steps: 150, fewSteps: 60, points: 11 },
  fewSizes: { rows: 64, fewRows: 16, measuredRows: 120, steps: 60, fewSteps: 40, points: 6 },
};

const few: Sizes = { rows: 8, fewRows: 4, measuredRows: 24, steps: 2, fewSteps: 2, points: 3 };

/** The smallest sapling, trained on for a few steps, in place of both models: it shows that all parts work, and nothing else. */
export const SMOKE: Extent = {
  ...FULL,
  name: "smoke",
  encoder: "bert-2x128",
  decoder: "bert-2x128",
  methods: ["lora"],
  tasks: ["wordnet-part-of-speech", "emoji-group"],
  fewTasks: ["wordnet-part-of-speech", "emoji-group"],
  seeds: [1],
  sizes: few,
  fewSizes: few,
};

/** Learning rates by method; not tuned, and the same for all ways of recycling. */
export const RATES: Readonly<Record<MethodName, number>> = { whole: 3e-4, adapter: 3e-3, lora: 3e-3 };
/** That of the decoder. */
export const DECODER_RATE = 1e-3;

export const MAX_LENGTH = 64;
export const PAD_TO: readonly number[] = [32, MAX_LENGTH];
/** Rows of a step. Sixteen of the decoder's would take 8 GB. */
export const batchSizeOf = (model: string): number => (model === FULL.decoder ? 4 : 16);
/** Evaluations of a learning curve, and of a run on few rows. */
export const LOOKS = 15;
export const FEW_LOOKS = 5;
/** Rows that learning curves are drawn by. */
export const CURVE_ROWS = 128;

/** All of that, on which every result depends: what was made under other settings is none of this study's. */
export const SETTINGS = {
  version: "1",
  rates: RATES,
  decoderRate: DECODER_RATE,
  maxLength: MAX_LENGTH,
  padTo: PAD_TO,
  looks: LOOKS,
  fewLooks: FEW_LOOKS,
  curveRows: CURVE_ROWS,
} as const;

/** Share of the gain over a constant answer that is to be left without training. */
export const KEPT = 0.6;
/** At most that of a model whose units stand elsewhere, or of another start. */
export const KEPT_BY_CONTROL = 0.2;
/** Rank correlation of steps and scores that counts as a decay. */
export const DECAY = -0.7;
/** Points of percent that a score may drop between versions, and must drop towards the control. */
export const DROP = 5;
export const DROP_TO_CONTROL = 15;
/** By how much the head at the same index is more alike than another one. */
export const HEAD_GAP = 0.1;
/** Share of the steps of a random start. */
export const STEPS_SHARE = 0.5;
/** Points of percent within which a start from another task is a random one. */
export const OTHER_WITHIN = 2;
/** Points of percent that the combination may be below the better of its parts. */
export const BOTH_BELOW = 1;
