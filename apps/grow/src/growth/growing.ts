import type { Files } from "@cambium/base";
import type { Objective, Parameters, Random } from "@cambium/core";
import type { Batches } from "@cambium/train";
import type { Growth } from "./growth.ts";

/** The two stretches of a run: at the level rate, and while it falls. */
export type StageName = "level" | "cooling";

/** Measures by name. */
export type Measures = Readonly<Record<string, number>>;

/** All that differs between kinds of saplings, for runs that are the same for all. */
export interface Growing<Batch> {
  readonly objective: Objective<Batch>;
  /** Pieces in a step: the reports' measure of speed. */
  readonly piecesPerStep: number;
  /** Batches of a stage, each a function of the key and its step. */
  data(stage: StageName, steps: number, random: Random): Batches<Batch>;
  /** A look on the way, in lower numbers for better models. */
  evaluate(parameters: Parameters): Promise<Measures>;
  /** Writes a folder that `loadModel` and `loadTokenizer` read. */
  save(parameters: Parameters, files: Files): Promise<void>;
  /** What the card says of a finished model besides its run, measured in the weights as stored. */
  describe(stored: Files): Promise<Partial<Growth>>;
}
