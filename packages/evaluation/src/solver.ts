import type { Json } from "@cambium/base";
import type { Failure, FailureCode } from "./failure.ts";
import type { Task } from "./task.ts";
import type { Status, Step, Trajectory } from "./trajectory.ts";

/** Settings of one call of a solver. */
export interface SolveOptions {
  /** Aborting it ends the run as `cancelled`. */
  readonly signal?: AbortSignal;
  /** Numbers repeats of one task, so that each gets its own replies. @default 0 */
  readonly sample?: number;
  /** Steps of an earlier run of the same task: they are reused, and the run resumes after them. */
  readonly resume?: readonly Step[];
}

/** A step was taken. */
export interface StepEvent {
  readonly type: "step";
  readonly step: Step;
}

/** How solving ended. */
export interface Solved {
  readonly type: "end";
  readonly status: Status;
  /** The answer as text; absent when none was marked. */
  readonly answer?: string;
  /** What the last program printed; the reply, for methods without a program. */
  readonly stdout: string;
  /** Why there is no answer. */
  readonly failure?: Failure;
  /** Whether the first try was the last: nothing failed on the way and nothing was repaired. */
  readonly firstTry: boolean;
  /** What the first try came to, where it failed. @default the first failure among the steps */
  readonly firstFailure?: FailureCode;
  /** Properties of how it was solved, in words that reports show: the summary counts each value. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly trajectory: Trajectory;
}

/** A method that answers questions. `Asked` is what it reads of a task. */
export interface Solver<Asked extends Task = Task> {
  /** Name of the method, for reports. */
  readonly name: string;
  /** Everything that the answers depend on besides the task, as JSON: for manifests. */
  readonly settings: Json;
  /**
   * Solves one task. Whatever the model or a program does wrong is part of the trajectory; nothing is thrown for it.
   *
   * @throws {ConfigError} When the options cannot be meant.
   * @throws {StateError} When `resume` holds steps of another run.
   */
  solve(task: Asked, options?: SolveOptions): AsyncGenerator<SolveEvent, void, undefined>;
}

/** What happens while a task is solved. A state machine adds where it goes by each step. */
export type SolveEvent =
  | StepEvent
  | { readonly type: "transition"; readonly from: string; readonly to: string; readonly step?: Step }
  | Solved;
