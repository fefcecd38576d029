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

/** A question for a solver, and what belongs to it. */
export interface Task {
  readonly question: string;
  /** What has to be read with the question: a table, constants. */
  readonly context?: string;
  /** Shown to the model as they are. @default none */
  readonly hints?: Hints;
  /**
   * What kind of answer is asked for. A number may be written as a fraction, a root or a percentage.
   *
   * @default "any"
   */
  readonly answerKind?: "number" | "any";
}

/** A task with its right answer, for evaluations. No solver gets to see more than the task. */
export interface Problem extends Task {
  /** Unique among the rows of a run. */
  readonly id: string;
  /** The right answer as text. */
  readonly answer: string;
  /** By what a report is split: for example the branch of mathematics. */
  readonly subject?: string;
  /** Difficulty, or the school grade. */
  readonly level?: string;
}

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
