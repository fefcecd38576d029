import type { Parameters } from "@cambium/core";
import type { Metrics } from "./evaluation.ts";

/** After every step. */
export interface StepEvent {
  readonly type: "step";
  /** From 1. */
  readonly step: number;
  /** Mean over the step's rows, before the update. */
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
  /** The best evaluation, where `evaluate.best` asks for it. */
  readonly best?: { readonly step: number; readonly value: number };
}

/** What happens in a run of `train`. */
export type TrainEvent = StepEvent | EvaluationEvent | CheckpointEvent | EndEvent;
