import { canonicalJson, sha256 } from "@cambium/base";
import type { Failure, FailureCode } from "../failure.ts";
import type { Grade, Grader } from "../graders/grader.ts";
import type { Solved } from "../solver.ts";
import { type Row, type Task, taskOf } from "../task.ts";
import { type Cost, costOf, type Trajectory } from "../trajectory.ts";

/** How a row ended: judged, or not even answered; then by the kind of failure. */
export type RowOutcome = "right" | "wrong" | FailureCode;

/** One row of an evaluation, with everything that happened: a line of `rows.jsonl`. */
export interface EvaluationRecord {
  readonly id: string;
  /** SHA-256 of the task and the right answer, so that a changed row is noticed. */
  readonly rowHash: string;
  /** By what the summary is split: `subject`, `level` and the groups of `EvaluationOptions`, where the row has them. */
  readonly groups: Readonly<Record<string, string>>;
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
  /** What the solver says of how it solved the row. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly cost: Cost;
  readonly trajectory: Trajectory;
}

/** The hash by which a row is known again. */
export function rowHash<Asked extends Task>(row: Row<Asked>): string {
  return sha256(canonicalJson({ task: taskOf(row), answer: row.answer }));
}

/** What the first try failed with, where it did. */
function firstFailure({ trajectory, failure, firstFailure: said }: Solved): FailureCode | undefined {
  return said ?? trajectory.steps.find((step) => step.failure !== undefined)?.failure?.code ?? failure?.code;
}

/** Judges how a row ended. `groups` are the groups it belongs to. */
export function recordOf<Asked extends Task>(
  row: Row<Asked>,
  end: Solved,
  graders: readonly Grader[],
  groups: Readonly<Record<string, string>>,
): EvaluationRecord {
  const { id, answer: gold } = row;
  const { answer, stdout, failure, firstTry, trajectory, labels } = end;
  const isError = failure !== undefined;
  const grades = graders.map((grader): [string, Grade] => [
    grader.name,
    isError ? { right: false, found: "nowhere" } : grader.grade({ answer, stdout }, gold),
  ]);
  const judged: RowOutcome = grades[0]![1].right ? "right" : answer === undefined ? "NO_ANSWER" : "wrong";
  const outcome = failure?.code ?? judged;
  return {
    id,
    rowHash: rowHash(row),
    groups,
    gold,
    ...(answer === undefined ? {} : { answer }),
    grades: Object.fromEntries(grades),
    outcome,
    firstOutcome: firstFailure(end) ?? outcome,
    firstTry,
    ...(failure === undefined ? {} : { failure }),
    ...(labels === undefined ? {} : { labels }),
    cost: costOf(trajectory.steps),
    trajectory,
  };
}
