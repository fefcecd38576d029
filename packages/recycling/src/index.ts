/**
 * Deltas carried to the next version of their model: whether they fit, what they score there untrained, training that starts from them or
 * learns from them, maps between versions, and reports on what an update changed.
 *
 * @module
 */
export { divergenceRows, type KlReduction } from "./distillation/losses.ts";
export type { DistillationOptions } from "./distillation/options.ts";
export {
  type PathObjective,
  type PathOptions,
  type PathRegulariserOptions,
  pathRegulariser,
} from "./distillation/path.ts";
export {
  type RecyclingEnd,
  type RecyclingEvaluation,
  type RecyclingEvent,
  type RunRecyclingOptions,
  runRecycling,
  type TaughtEvent,
  type TeacherEvent,
  type WeakTeacherEvent,
  type ZeroShotEvent,
} from "./distillation/run.ts";
export type { StateRow } from "./distillation/states.ts";
export type { TaughtBatch } from "./distillation/teacher.ts";
export { fingerprintModel, type Lineage, loadLineage, pathBetween, saveLineage } from "./lineage/lineage.ts";
export { type FitProjectionOptions, fitProjection } from "./projection/fit.ts";
export type { DeltaProjection, ProjectionKind, TunedPair } from "./projection/projection.ts";
export {
  type ProjectionEnd,
  type ProjectionEvent,
  type ProjectionSource,
  type TrainProjectionOptions,
  trainProjection,
} from "./projection/train.ts";
export {
  type RecycleAllEvent,
  type RecycleAllOptions,
  type RecycledTask,
  type RecyclingTask,
  recycleAll,
} from "./registry/recycle-all.ts";
export {
  describeDelta,
  listDeltas,
  listRecyclable,
  type OpenDeltaOptions,
  openDelta,
  type RecyclableDelta,
  type RegisteredDelta,
  type RegisterOptions,
  registerDelta,
} from "./registry/registry.ts";
export { type Agreement, type Answering, measureAgreement } from "./reports/agreement.ts";
export {
  type AttentionSimilarity,
  type AttentionSimilarityOptions,
  attentionSimilarity,
  type HeadSimilarity,
  type Watched,
} from "./reports/attention-similarity.ts";
export { type Cka, type CkaOptions, cka, debiasedCka, linearCka } from "./reports/cka.ts";
export {
  type Checkpoint,
  type CheckpointScore,
  type CompatibilityReport,
  type CompatibilityReportOptions,
  compatibilityReport,
} from "./reports/compatibility-report.ts";
export { type Convergence, convergenceReport, type LearningCurve } from "./reports/convergence.ts";
export { type FlipReport, flipReport } from "./reports/flips.ts";
export {
  type PlotOptions,
  plotCka,
  plotConvergence,
  plotDecay,
  plotFlips,
  plotHeads,
  type RelationResult,
  relationTable,
} from "./reports/plots.ts";
export type { Score } from "./reports/score.ts";
export { type UpdateRobustOptions, updateRobust } from "./robust/update-robust.ts";
export { type ChooseScaleOptions, type ChosenScale, chooseScale } from "./transfer/choose-scale.ts";
export {
  type CheckCompatibilityOptions,
  type Compatibility,
  checkCompatibility,
  type Verdict,
} from "./transfer/compatibility.ts";
export { type RecycleOptions, recycle } from "./transfer/recycle.ts";
export type { Scale } from "./transfer/scale.ts";
export {
  type TruncateDifferenceOptions,
  type TruncatedDifference,
  truncateDifference,
} from "./transfer/truncate.ts";
