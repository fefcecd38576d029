import type { CreationLevel } from "../code/tool-shape.ts";
import type { Failure, FailureCode } from "../failure.ts";
import type { Grade, Grader } from "../graders/grader.ts";
import { sha256 } from "../hash.ts";
import { type HintLevel, hintLevel, type Problem } from "../problem.ts";
import type { Solved } from "../solving/solver.ts";
import { type Cost, costOf, type Trajectory } from "../trajectory.ts";

/** How a row ended: judged, or not even answered; then by the kind of failure. */
export type RowOutcome = "right" | "wrong" | FailureCode;

/** One row of an evaluation, with everything that happened: a line of `rows.jsonl`. */
export interface EvaluationRecord {
  readonly id: string;
  /** SHA-256 of the task and the right answer, so that a changed row is noticed. */
  readonly rowHash: string;
  readonly subject?: string;
  readonly level?: string;
  readonly hints: HintLevel;
  /** The right answer. */
  readonly gold: string;
  readonly answer?: string;
  /** Judgements by the name of the grader. */
  readonly grades: Readonly<Record<string, Grade>>;
  /** By the first grader. */
  readonly outcome: RowOutcome;
  /** What the first try came to, before any repair. */
  readonly firstOutcome: RowOutcome;
  readonly firstTry: boolean;
  readonly failure?: Failure;
  /** Level of creation of the tool, for methods that make one. */
  readonly creationLevel?: CreationLevel;
  readonly cost: Cost;
  readonly trajectory: Trajectory;
}

/** The hash by which a row is known again. */
export function rowHash({ question, context, hints, answer }: Problem): string {
  return sha256(JSON.stringify([question, context ?? null, hints ?? null, answer]));
}

/** The first failure on the way, where there was one. */
function firstFailure({ trajectory, failure }: Solved): FailureCode | undefined {
  const failed = trajectory.steps.find((step) => step.failure !== undefined);
  if (failed !== undefined) return failed.failure!.code;
  const wasRepaired = trajectory.steps.some(({ stage }) => stage === "rectification");
  return wasRepaired ? "no_answer" : failure?.code; // a program that ran but did not answer leaves no failed step
}

/** Judges how a row ended. */
export function recordOf(problem: Problem, end: Solved, graders: readonly Grader[]): EvaluationRecord {
  const { id, answer: gold, subject, level } = problem;
  const { answer, stdout, failure, firstTry, trajectory, creationLevel } = end;
  const isError = failure !== undefined;
  const grades = graders.map((grader): [string, Grade] => [
    grader.name,
    isError ? { right: false, found: "nowhere" } : grader.grade({ answer, stdout }, gold),
  ]);
  const judged: RowOutcome = grades[0]![1].right ? "right" : answer === undefined ? "no_answer" : "wrong";
  const outcome = failure?.code ?? judged;
  return {
    id,
    rowHash: rowHash(problem),
    ...(subject === undefined ? {} : { subject }),
    ...(level === undefined ? {} : { level }),
    hints: hintLevel(problem),
    gold,
    ...(answer === undefined ? {} : { answer }),
    grades: Object.fromEntries(grades),
    outcome,
    firstOutcome: firstFailure(end) ?? outcome,
    firstTry,
    ...(failure === undefined ? {} : { failure }),
    ...(creationLevel === undefined ? {} : { creationLevel }),
    cost: costOf(trajectory.steps),
    trajectory,
  };
}
