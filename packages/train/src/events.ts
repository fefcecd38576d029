import type { Parameters } from "@cambium/core";
import type { Position } from "./data/groups-of-batches.ts";
import type { Metrics } from "./evaluation.ts";
import type { OptimiserState } from "./optimisers/optimiser.ts";

/** Before the first step: something about the objective that is probably not meant. */
export interface WarningEvent {
  readonly type: "warning";
  /** Steps taken before it: those of a checkpoint that is resumed. */
  readonly step: number;
  readonly message: string;
}

/** After every step. */
export interface StepEvent {
  readonly type: "step";
  /** From 1. */
  readonly step: number;
  /** Mean over the step's rows, or what the objective's `weight` counts, before the update; 0 when it counts nothing. */
  readonly loss: number;
  /** Norm of the gradient before clipping, where `clipNorm` is given. */
  readonly gradientNorm?: number;
  /** The rate of this step. */
  readonly learningRate: number;
  /** Time of making the batches and taking the step. */
  readonly durationMs: number;
}

/** After an evaluation. */
export interface EvaluationEvent {
  readonly type: "evaluation";
  /** Steps taken before it. */
  readonly step: number;
  readonly metrics: Metrics;
}

/** After a checkpoint became the current one. */
export interface CheckpointEvent {
  readonly type: "checkpoint";
  /** Steps that it holds. */
  readonly step: number;
  /** Its manifest, folder included. */
  readonly path: string;
}

/** The last event of a run. */
export interface EndEvent {
  readonly type: "end";
  /** All steps were taken, the signal was given, or evaluations stopped getting better. */
  readonly reason: "finished" | "stopped" | "early-stopped";
  /** Steps taken. */
  readonly step: number;
  /** Those of the best evaluation where `evaluate.best` asks for it, else the last. The receiver owns them. */
  readonly parameters: Parameters;
  /** The objective's state at those parameters, where it has any. The receiver owns it. */
  readonly state?: Parameters;
  /** The optimiser's state after the last step, with `keepOptimiser`. The receiver owns it. */
  readonly optimiser?: OptimiserState;
  /** Where in the data the next step would begin, with `keepOptimiser`. */
  readonly position?: Position;
  /** The best evaluation, where `evaluate.best` asks for it. */
  readonly best?: { readonly step: number; readonly value: number };
}

/** What happens in a run of `train`. */
export type TrainEvent = WarningEvent | StepEvent | EvaluationEvent | CheckpointEvent | EndEvent;
