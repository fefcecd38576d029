/**
 * Benchmarks of tool use, for `runEvaluation` of `@cambium/evaluation`: calls judged by their structure (`bfcl`), several turns
 * judged by the world they leave (`multiTurn`), and answers judged by a judge (`measurePassRate`, `measureWinRate`).
 *
 * @module
 */
export { type CallFault, type CallFaultCode, checkCalls, goldCalls, type MadeCall } from "./bfcl/check-calls.ts";
export {
  type BfclExpected,
  type BfclFunction,
  type BfclGold,
  type BfclKind,
  type BfclTask,
  parseBfcl,
} from "./bfcl/row.ts";
export { type BfclOptions, bfcl, bfclGrader } from "./bfcl/solver.ts";
export {
  type Judge,
  type Judged,
  type ModelJudgeOptions,
  modelJudge,
  type PassVote,
  type Preference,
  type Solvability,
  type Solvedness,
  summaryOf,
} from "./judged/judge.ts";
export {
  creditOf,
  type JudgedOptions,
  type JudgedRun,
  measurePassRate,
  measureWinRate,
  type PassRate,
  type RunPair,
  type WinRate,
} from "./judged/rates.ts";
export type { BackEndResult } from "./multi-turn/back-end.ts";
export { goldTurns, judgeTurns, type MadeTurn, multiTurnGrader, type TurnFault } from "./multi-turn/judge-turns.ts";
export { type MultiTurnExpected, type MultiTurnTask, parseMultiTurn } from "./multi-turn/row.ts";
export { type MultiTurnOptions, multiTurn } from "./multi-turn/solver.ts";
export { callWorld, createWorld, type WorldCall, type WorldState } from "./multi-turn/world.ts";
