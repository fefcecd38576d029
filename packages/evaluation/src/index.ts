/**
 * Measures a method over rows: `runEvaluation` solves each row, judges the answer and keeps the record, so that a run of
 * thousands can be stopped and resumed. A `Solver` is any method that answers tasks and tells what it did as a `Trajectory`;
 * a `Grader` judges; `loadResults` reads what was kept, and `evaluationReport` makes a page of it.
 *
 * @module
 */
export { type Failure, type FailureCode, isOutside } from "./failure.ts";
export { type EqualityRule, equalAnswers, isNumberAnswer, type Tolerance } from "./graders/equal-answers.ts";
export { type Expression, exactValue, type FunctionName, valueAt } from "./graders/expression.ts";
export { type Answered, type Grade, type Grader, isPlainNumber, paperGrader, strictGrader } from "./graders/grader.ts";
export { normaliseAnswer } from "./graders/normalise.ts";
export { parseExpression } from "./graders/parse-expression.ts";
export type { Rational } from "./graders/rational.ts";
export {
  type EvaluationReportOptions,
  evaluationReport,
  type ReportedEvaluation,
  trajectoryReport,
} from "./report/evaluation-report.ts";
export { loadReportPackage, type ReportPackage } from "./report/report-package.ts";
export { trajectoryBlocks } from "./report/trajectory-blocks.ts";
export { type KeptEvaluation, loadResults } from "./results/load-results.ts";
export { type Manifest, settleManifest } from "./results/manifest.ts";
export type { EvaluationRecord, RowOutcome } from "./results/record.ts";
export { folderResults, memoryResults, type Results } from "./results/results.ts";
export {
  type EvaluationEnd,
  type EvaluationEvent,
  type EvaluationOptions,
  type EvaluationProgress,
  type Group,
  runEvaluation,
} from "./run-evaluation.ts";
export type { Solved, SolveEvent, SolveOptions, Solver, StepEvent } from "./solver.ts";
export { addCost, type EvaluationSummary, type GroupSummary, type Share } from "./summary.ts";
export { type Row, type RowFields, type Task, taskOf } from "./task.ts";
export {
  type Cost,
  costOf,
  type ModelStep,
  type ProgramPart,
  type QueryStep,
  type RequestedCall,
  type RunStep,
  type Status,
  type Step,
  type ToolStep,
  type Trajectory,
} from "./trajectory.ts";
export { type Interval, wilson } from "./wilson.ts";
