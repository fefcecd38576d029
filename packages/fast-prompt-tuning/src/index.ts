/**
 * Prompt tuning on parts of a model that grow while it trains: partial models as views, schedules of stages, counted FLOPs, and how alike
 * the prompts of parts are.
 *
 * @module
 */
export { type Countable, type Flops, type FlopsOptions, flops } from "./cost/flops.ts";
export { measureFlops } from "./cost/measure-flops.ts";
export { type CostedStage, type PlanStagesOptions, planStages, scheduleCost } from "./cost/schedule-cost.ts";
export { type GrowDeltaOptions, growDelta } from "./extensions/grow-delta.ts";
export { shortened } from "./extensions/shortened.ts";
export { type MeasureBlockInfluenceOptions, measureBlockInfluence } from "./partial/block-influence.ts";
export {
  checkScores,
  loadNeuronScores,
  type NeuronMethod,
  type NeuronScores,
  type ScoredModel,
  saveNeuronScores,
  weightScores,
} from "./partial/neuron-scores.ts";
export {
  type HasParts,
  type PartialDescription,
  type PartialModel,
  type PartialOptions,
  partial,
  partialModel,
} from "./partial/partial-model.ts";
export { type Scorable, type ScoreNeuronsOptions, scoreNeurons } from "./partial/score-neurons.ts";
export { type LayerStrategy, type SelectLayersOptions, selectLayers } from "./partial/select-layers.ts";
export type { StageEvaluation } from "./schedule/evaluate-stage.ts";
export {
  type GrowthPoint,
  type GrowthRule,
  type GrowWhenFlatOptions,
  growWhenFlat,
} from "./schedule/growth-rule.ts";
export {
  type FastPromptTuningEnd,
  type FastPromptTuningEvent,
  type FastPromptTuningOptions,
  type GrowEvent,
  type Growth,
  type OfStage,
  runFastPromptTuning,
} from "./schedule/run.ts";
export type { CoordinateObjective, StageModel } from "./schedule/stage-model.ts";
export {
  type NamedStages,
  type PlannedStage,
  type SeparateStages,
  type Stage,
  type Stages,
  stagesOf,
} from "./schedule/stages.ts";
export {
  comparePrompts,
  judgeSimilarity,
  type PromptComparison,
  type PromptMeasure,
  type PromptSolution,
  type SimilarityVerdict,
} from "./similarity/compare-prompts.ts";
export {
  type MeasureActivationOverlapOptions,
  measureActivationOverlap,
  measureTransfer,
  type Transfer,
  type TunedParts,
} from "./similarity/measure-transfer.ts";
export {
  type LearningCurve,
  type PlotCurvesOptions,
  type PlotMatrixOptions,
  plotCurves,
  plotMatrix,
} from "./similarity/plots.ts";
