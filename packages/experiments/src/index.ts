/**
 * Studies that finish: a grid of runs with its claims stated first, done in worker processes on one machine or, over
 * Redis, on several, resumed after a crash, and reported with figures and a table of claims.
 *
 * @module
 */
export type { Board, GridRun } from "./board.ts";
export type { Claim, ClaimOptions, FinishedRun, Statistic } from "./claim-options.ts";
export { type MeasuredClaim, measureClaims } from "./claims.ts";
export type { MeasuredStep } from "./estimate.ts";
export type {
  BeginEvent,
  FinishEvent,
  LostEvent,
  OutputEvent,
  Progress,
  RunProgressEvent,
  StartEvent,
  StudyEndEvent,
  StudyEvent,
} from "./events.ts";
export type { Cell, Filter, Level, Run } from "./grid.ts";
export type { Round, Trial, TunedGroup } from "./halving.ts";
export { type Interval, measureInterval } from "./interval.ts";
export {
  type MeasuredEvent,
  type PlanEndEvent,
  type PlanEvent,
  type PlannedKind,
  planStudy,
} from "./plan-study.ts";
export { changeText, comparePlans, type PlanChange, type PlanRevision } from "./plans.ts";
export type { Outcome, RunRecord } from "./record.ts";
export { planChanges, reportStudy, type StudyReport } from "./report-study.ts";
export type { PlanStudyOptions, RunStudyOptions } from "./run-options.ts";
export { defaultFolder, runStudy } from "./run-study.ts";
export { type DamagedFile, loadStudy, type StudyState } from "./state.ts";
export {
  defineStudy,
  type MeasureStep,
  type Metric,
  type RunCell,
  type RunCode,
  type RunContext,
  type StepCode,
  type StepCost,
  type Study,
  type StudyFigure,
  type StudyOptions,
  type Tuning,
  type TuningPlan,
} from "./study.ts";
