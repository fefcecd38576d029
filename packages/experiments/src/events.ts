import type { JsonObject } from "@cambium/base";
import type { Cell } from "./grid.ts";

/** How far a study is. */
export interface Progress {
  /** Runs with a result. */
  readonly done: number;
  /** Runs that failed. */
  readonly failed: number;
  /** All runs, those included that wait for the tuning. */
  readonly total: number;
  /** Time that the rest will take, in ms; absent until a run has finished or the plan was measured. */
  readonly remainingMs?: number;
}

/** A study begins; what is done already is not done again. */
export interface BeginEvent extends Progress {
  readonly type: "begin";
}

/** A run starts in one of this call's worker processes. */
export interface StartEvent {
  readonly type: "start";
  readonly key: string;
  readonly cell: Cell;
  readonly budget?: number;
}

/** A run reports how much of it is done. */
export interface RunProgressEvent {
  readonly type: "progress";
  readonly key: string;
  readonly cell: Cell;
  /** From 0 to 1. */
  readonly fraction: number;
}

/** A run wrote to its standard output or error. */
export interface OutputEvent {
  readonly type: "output";
  readonly key: string;
  readonly text: string;
}

/** The worker process of a run ended in the middle; the run starts again. */
export interface LostEvent {
  readonly type: "lost";
  readonly key: string;
  readonly cell: Cell;
  readonly message: string;
}

/** A run has ended, here or in another process that works on the same study. */
export interface FinishEvent extends Progress {
  readonly type: "finish";
  readonly key: string;
  readonly cell: Cell;
  readonly budget?: number;
  readonly status: "done" | "failed";
  /** Of a run that is done. */
  readonly result?: JsonObject;
  /** Of a run that failed. */
  readonly message?: string;
  readonly durationMs: number;
}

/** The last event. */
export interface StudyEndEvent extends Progress {
  readonly type: "end";
  /** Nothing is left to run, or the signal was given. */
  readonly reason: "finished" | "stopped";
  /** Runs that cannot start, because every level that the tuning could choose for them failed. */
  readonly stuck: number;
}

/** What `runStudy` yields. */
export type StudyEvent =
  | BeginEvent
  | StartEvent
  | RunProgressEvent
  | OutputEvent
  | LostEvent
  | FinishEvent
  | StudyEndEvent;
