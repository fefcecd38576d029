import type { CreationLevel } from "../code/tool-shape.ts";
import type { Failure } from "../failure.ts";
import type { Task } from "../problem.ts";
import type { JsonValue } from "../sandbox/json.ts";
import type { Status, Step, Trajectory } from "../trajectory.ts";

/** Settings of one call of a solver. */
export interface SolveOptions {
  /** Aborting it ends the run as `cancelled`. */
  readonly signal?: AbortSignal;
  /** Numbers repeats of one task, so that each gets replies of its own. @default 0 */
  readonly sample?: number;
  /** Steps of an earlier run of the same task: they are taken over, and the run goes on after them. */
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
  /** Whether the first program ran without an error and without a repair, the tool having loaded at once. */
  readonly firstTry: boolean;
  /** Level of creation of the tool, for methods that make one. */
  readonly creationLevel?: CreationLevel;
  readonly trajectory: Trajectory;
}

/** A method that answers questions: the full flow, or a baseline. */
export interface Solver {
  /** Name of the method, for reports. */
  readonly name: string;
  /** Everything that the answers depend on besides the task, as JSON: for manifests. */
  readonly settings: JsonValue;
  /**
   * Solves one task. Whatever the model or a program does wrong is part of the trajectory; nothing is thrown for it.
   *
   * @throws {ConfigError} When the options cannot be meant.
   * @throws {StateError} When `resume` holds steps of another run.
   */
  solve(task: Task, options?: SolveOptions): AsyncGenerator<SolveEvent, void, undefined>;
}

/** What happens while a task is solved. A state machine adds where it goes by each step. */
export type SolveEvent =
  | StepEvent
  | { readonly type: "transition"; readonly from: string; readonly to: string; readonly step?: Step }
  | Solved;
