import { ConfigError, type Files, parseConfig } from "@cambium/base";
import { type Random, random as randomOf } from "@cambium/core";
import * as z from "zod";
import type { EvaluationOptions } from "./evaluation.ts";
import type { Optimiser } from "./optimisers/optimiser.ts";

/** Where and when checkpoints are written. */
export interface CheckpointOptions {
  /** A folder of its own: a path in Node, or any `Files`. */
  readonly files: string | Files;
  /** Steps from one checkpoint to the next. There is one more at the end of the run. @default 100 */
  readonly every?: number;
  /** How many checkpoints' parameters stay in the folder. Only the last one can be gone on from. @default 1 */
  readonly keep?: number;
}

/** How a run of `train` goes. */
export interface TrainOptions {
  /** Such as `adamW({ learningRate: 1e-3 })`. */
  readonly optimiser: Optimiser;
  /** Times through the data. Either this or `steps` is needed. */
  readonly epochs?: number;
  /** Optimiser steps. Either this or `epochs` is needed. */
  readonly steps?: number;
  /**
   * Batches per step, for more rows than fit into memory at once. The step's gradient is the mean over all of its rows
   * when each batch's loss is the mean over that batch's rows. (A loss that averages over tokens is weighted by rows all
   * the same.) The last step of an epoch takes the batches that are left. @default 1
   */
  readonly accumulate?: number;
  /** Largest norm of the gradient over all parameters together; a longer one is scaled down. @default no limit */
  readonly clipNorm?: number;
  /** Randomness of dropout, a key for every step. @default random(0) */
  readonly random?: Random;
  /** Evaluations on the way. @default none */
  readonly evaluate?: EvaluationOptions;
  /** A folder for checkpoints. A run with the same options goes on where the last one stopped. @default none */
  readonly checkpoint?: string | Files | CheckpointOptions;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** The same with defaults filled in. */
export interface TrainPlan {
  readonly optimiser: Optimiser;
  readonly epochs: number;
  readonly steps: number;
  readonly accumulate: number;
  readonly clipNorm: number | undefined;
  readonly random: Random;
  readonly evaluate: EvaluationOptions | undefined;
  readonly checkpoint: Required<CheckpointOptions> | undefined;
  readonly signal: AbortSignal | undefined;
}

const count = z.int().positive();
const hasMethod = (name: string) => (value: unknown) =>
  typeof (value as Record<string, unknown> | null | undefined)?.[name] === "function";
const filesSchema = z.union([z.string(), z.custom<Files>(hasMethod("write"))]);

const schema = z.strictObject({
  optimiser: z.custom<Optimiser>(hasMethod("update")),
  epochs: count.exactOptional(),
  steps: count.exactOptional(),
  accumulate: count.exactOptional(),
  clipNorm: z.number().positive().exactOptional(),
  random: z.custom<Random>(hasMethod("at")).exactOptional(),
  evaluate: z
    .strictObject({
      every: count,
      run: z.custom<EvaluationOptions["run"]>((value) => typeof value === "function"),
      best: z.strictObject({ metric: z.string(), direction: z.enum(["highest", "lowest"]) }).exactOptional(),
      patience: count.exactOptional(),
    })
    .exactOptional(),
  checkpoint: z
    .union([
      filesSchema,
      z.strictObject({ files: filesSchema, every: count.exactOptional(), keep: count.exactOptional() }),
    ])
    .exactOptional(),
  signal: z.custom<AbortSignal>(hasMethod("addEventListener")).exactOptional(),
});

function planCheckpoints(checkpoint: TrainOptions["checkpoint"]): Required<CheckpointOptions> | undefined {
  if (checkpoint === undefined) return undefined;
  const options = typeof checkpoint === "object" && "files" in checkpoint ? checkpoint : { files: checkpoint };
  return { every: 100, keep: 1, ...options };
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {ConfigError} When an option is unknown, missing or out of range.
 */
export function planTraining(options: TrainOptions): TrainPlan {
  const {
    optimiser,
    epochs,
    steps,
    accumulate = 1,
    clipNorm,
    random = randomOf(0),
    evaluate,
    checkpoint,
    signal,
  } = parseConfig("train", schema, options);
  if ((epochs === undefined) === (steps === undefined)) {
    throw new ConfigError({
      message: `train: give either "epochs" or "steps", got ${epochs === undefined ? "neither" : "both"}`,
      epochs,
      steps,
    });
  }
  if (evaluate?.patience !== undefined && evaluate.best === undefined) {
    throw new ConfigError({
      message: 'train: evaluate.patience needs evaluate.best, such as { metric: "accuracy", direction: "highest" }',
    });
  }
  return {
    optimiser,
    epochs: epochs ?? Number.POSITIVE_INFINITY,
    steps: steps ?? Number.POSITIVE_INFINITY,
    accumulate,
    clipNorm,
    random,
    evaluate,
    checkpoint: planCheckpoints(checkpoint),
    signal,
  };
}
