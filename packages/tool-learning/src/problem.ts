import type { Group, Task as QuestionTask, RowFields } from "@cambium/evaluation";

/** What is known of a tool that would help: hints for the creation of one. */
export interface Hints {
  /** What such a tool is good for. */
  readonly utility?: string;
  /** Its arguments, with types. */
  readonly args?: string;
  /** What it returns, with the type. */
  readonly returns?: string;
}

/** How much of the hints a model is shown: nothing, the utility, or utility, arguments and return. */
export type HintLevel = "none" | "utility" | "all";

/** A question for a method, and what belongs to it. */
export interface Task extends QuestionTask {
  /** Shown to the model as they are. @default none */
  readonly hints?: Hints;
  /**
   * What kind of answer is asked for. A number may be written as a fraction, a root or a percentage.
   *
   * @default "any"
   */
  readonly answerKind?: "number" | "any";
}

/** A task with its right answer, for evaluations. No method gets to see more than the task. */
export interface Problem extends Task, RowFields {}

/** The task of a problem: what a solver may see, and nothing else. */
export function taskOf({ question, context, hints, answerKind }: Task): Task {
  return {
    question,
    ...(context === undefined ? {} : { context }),
    ...(hints === undefined ? {} : { hints }),
    ...(answerKind === undefined ? {} : { answerKind }),
  };
}

/** Which hints a task comes with. */
export function hintLevel({ hints }: Task): HintLevel {
  if (hints?.utility === undefined) return "none";
  return hints.args === undefined && hints.returns === undefined ? "utility" : "all";
}

/**
 * Splits the results of an evaluation by how much of the hints the model was shown.
 *
 * @example
 * runEvaluation(solver, rows, { groups: { hints: byHints } });
 */
export const byHints: Group<Task> = { of: hintLevel, order: ["none", "utility", "all"] };

/**
 * A problem with no more hints than the level allows. Hints that the problem lacks are not made up.
 *
 * @example
 * const rows = problems.map((problem) => withHints(problem, "utility"));
 */
export function withHints<Row extends Task>(problem: Row, level: HintLevel): Row {
  const { hints, ...rest } = problem;
  if (level === "none" || hints === undefined) return rest as Row;
  if (level === "all") return problem;
  const { utility } = hints;
  return { ...rest, ...(utility === undefined ? {} : { hints: { utility } }) } as Row;
}
