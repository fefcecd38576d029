/**
 * Training: optimisers, schedules, batching, metrics, and one loop that yields events and survives crashes. It knows
 * nothing of models: it trains any `Objective`.
 *
 * @module
 */
export { type ClippedGradients, clipGradients } from "./clip.ts";
export {
  type Batches,
  type BatchesOptions,
  batches,
  type Collate,
  type EpochOptions,
  type MiniBatch,
} from "./data/batches.ts";
export type { Position } from "./data/groups-of-batches.ts";
export { type Evaluation, evaluate, predict } from "./evaluate.ts";
export type { BestOptions, EvaluationOptions, Metrics } from "./evaluation.ts";
export type { CheckpointEvent, EndEvent, EvaluationEvent, StepEvent, TrainEvent, WarningEvent } from "./events.ts";
export { accuracy, type F1Options, f1, type Label, matthews } from "./metrics/classification.ts";
export { pearson, spearman } from "./metrics/correlation.ts";
export { perplexity } from "./metrics/perplexity.ts";
export { type NdcgOptions, ndcg } from "./metrics/ranking.ts";
export { type AdafactorOptions, adafactor, relativeStep } from "./optimisers/adafactor.ts";
export { type AdamOptions, type AdamWOptions, adam, adamW } from "./optimisers/adam.ts";
export { chain } from "./optimisers/chain.ts";
export { isDecayed, type ParameterGroup } from "./optimisers/groups.ts";
export type {
  DonateOptions,
  Optimiser,
  OptimiserMove,
  OptimiserState,
  OptimiserUpdate,
} from "./optimisers/optimiser.ts";
export { type SgdOptions, sgd } from "./optimisers/sgd.ts";
export { type ParameterTransform, perParameter, type Transform, type TransformInputs } from "./optimisers/transform.ts";
export {
  addDecayedWeights,
  clipByGlobalNorm,
  type GroupedOptions,
  type MomentumOptions,
  momentum,
  type ScaleByAdamOptions,
  scaleByAdam,
  scaleByLearningRate,
} from "./optimisers/transforms.ts";
export type { StartOptions } from "./progress.ts";
export {
  constant,
  cosine,
  type DecayOptions,
  linear,
  type Schedule,
  sequence,
  type WarmUpOptions,
} from "./schedules.ts";
export { train } from "./train.ts";
export type { CheckpointNote, CheckpointOptions, TrainOptions } from "./train-options.ts";
