/**
 * Studies that finish: a grid of runs with its claims stated first, done in worker processes on one machine or, over
 * Redis, on several, resumed after a crash, and reported with figures and a table of claims.
 *
 * @module
 */
export type { Claim, ClaimOptions, FinishedRun, Statistic } from "./claim-options.ts";
export { type MeasuredClaim, measureClaims } from "./claims.ts";
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
export { type Interval, measureInterval } from "./interval.ts";
export type { RunStudyOptions } from "./run-options.ts";
export { runStudy } from "./run-study.ts";
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
