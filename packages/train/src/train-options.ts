import { ConfigError, type Files, type JsonObject, parseConfig } from "@cambium/base";
import { type Parameters, type Random, random as randomOf } from "@cambium/core";
import * as z from "zod";
import type { Batches } from "./data/batches.ts";
import type { EvaluationOptions } from "./evaluation.ts";
import type { Optimiser } from "./optimisers/optimiser.ts";
import type { StartOptions } from "./progress.ts";

/** What a caller keeps with checkpoints, such as what was spent up to them. */
export interface CheckpointNote {
  /** What is kept with the checkpoint that is being written. */
  write(): JsonObject;
  /** Told what was kept when a run resumes, before its first step; not called by checkpoints without a note. */
  read(note: JsonObject): void;
}

/** Where and when checkpoints are written. */
export interface CheckpointOptions {
  /** A folder for this run alone: a path in Node, or any `Files`. */
  readonly files: string | Files;
  /** Steps from one checkpoint to the next, and one more at the end of the run. Changes no result. @default 100 */
  readonly every?: number;
  /** How many checkpoints' points stay in the folder. Only the last can be resumed. Changes no result. @default 1 */
  readonly keep?: number;
  /** Kept with the checkpoint, whole or not at all. Changes no result. @default nothing */
  readonly note?: CheckpointNote;
}

/** The same with defaults filled in. */
export type CheckpointPlan = Required<Omit<CheckpointOptions, "note">> & Pick<CheckpointOptions, "note">;

/**
 * How a run of `train` goes. A checkpoint is resumed only with options that give the same steps; those that change none say
 * so.
 */
export interface TrainOptions {
  /** Such as `adamW({ learningRate: 1e-3 })`. Its rates count for the steps taken, so a finished run can be prolonged. */
  readonly optimiser: Optimiser;
  /** Times through the data. Either this or `steps` is needed. A finished run resumes when it is given more. */
  readonly epochs?: number;
  /** Optimiser steps. Either this or `epochs` is needed. A finished run resumes when it is given more. */
  readonly steps?: number;
  /**
   * Batches per step, for more rows than fit into memory at once. The step's gradient is the mean over all that the
   * objective's `weight` counts in them, rows by default. The last step of an epoch takes the batches that are left.
   * @default 1
   */
  readonly accumulate?: number;
  /** Largest norm of the gradient over all parameters together; a longer one is scaled down. @default no limit */
  readonly clipNorm?: number;
  /** Randomness of dropout, a key for every step. @default random(0) */
  readonly random?: Random;
  /** Evaluations on the way. Without `best` they change no result. @default none */
  readonly evaluate?: EvaluationOptions;
  /** A folder for checkpoints. A run with the same objective, data and options resumes from the last one. @default none */
  readonly checkpoint?: string | Files | CheckpointOptions;
  /** Where the run starts, such as at the end of another one. @default the objective's point */
  readonly start?: StartOptions;
  /** Whether the `end` event carries the optimiser's state, to start another run from. Changes no result. @default false */
  readonly keepOptimiser?: boolean;
  /** Ends the run after the step under way, with a checkpoint. Changes no result. */
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
  readonly checkpoint: CheckpointPlan | undefined;
  readonly start: StartOptions;
  readonly keepOptimiser: boolean;
  readonly signal: AbortSignal | undefined;
}

const count = z.int().positive();
const hasMethod = (name: string) => (value: unknown) =>
  typeof (value as Record<string, unknown> | null | undefined)?.[name] === "function";
const filesSchema = z.union([z.string(), z.custom<Files>(hasMethod("write"))]);

const treeSchema = z.custom<Parameters>((value) => value instanceof Map);

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
      z.strictObject({
        files: filesSchema,
        every: count.exactOptional(),
        keep: count.exactOptional(),
        note: z
          .custom<CheckpointNote>(
            (value) => hasMethod("write")(value) && hasMethod("read")(value),
            "must have write and read",
          )
          .exactOptional(),
      }),
    ])
    .exactOptional(),
  start: z
    .strictObject({
      parameters: treeSchema.exactOptional(),
      state: treeSchema.exactOptional(),
      optimiser: z.strictObject({ step: z.int().nonnegative(), tensors: treeSchema }).exactOptional(),
      step: z.int().nonnegative().exactOptional(),
      position: z
        .strictObject({
          epoch: z.int().nonnegative(),
          batch: z.int().nonnegative(),
          fingerprint: z.string().exactOptional(),
        })
        .exactOptional(),
    })
    .exactOptional(),
  keepOptimiser: z.boolean().exactOptional(),
  signal: z.custom<AbortSignal>(hasMethod("addEventListener")).exactOptional(),
});

function planCheckpoints(checkpoint: TrainOptions["checkpoint"]): CheckpointPlan | undefined {
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
    start = {},
    keepOptimiser = false,
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
    start,
    keepOptimiser,
    signal,
  };
}

/** Steps of the whole run, where they are known before it: not for epochs of a stream. */
export function countSteps(
  { steps, epochs, accumulate }: TrainPlan,
  { batchCount }: Batches<unknown>,
): number | undefined {
  if (Number.isFinite(steps)) return steps;
  return batchCount === undefined ? undefined : epochs * Math.ceil(batchCount / accumulate);
}

/**
 * Throws when a run would be longer than its schedule, whose rate is over by then.
 *
 * @param steps - Of the run, as far as is known.
 * @throws {ConfigError} With what the rate would be.
 */
export function checkScheduleLength({ optimiser: { learningRate } }: TrainPlan, steps: number): void {
  if (learningRate.steps === undefined || steps <= learningRate.steps) return;
  const next = learningRate.steps + 1;
  throw new ConfigError({
    message: `train: the learning rate's schedule ends after step ${learningRate.steps}, the run takes ${Number.isFinite(steps) ? steps : "more"}: from step ${next} on the rate would be ${learningRate(next)}; give the schedule the steps of the run, or prolong it with sequence(schedule, next)`,
    scheduleSteps: learningRate.steps,
    steps,
  });
}
