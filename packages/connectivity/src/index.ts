/**
 * Tuned models as points in a space: arithmetic on them, a model evaluated at any of them without copies, and the instruments that
 * build on that: barriers, curves, landscapes, curvature, alignment and merging.
 *
 * @module
 */
export { type AlignedGroup, type Alignment, type AlignOptions, align } from "./align/align.ts";
export { type HasWeights, type Member, type SymmetryGroup, symmetriesOf } from "./align/symmetries.ts";
export { permuteUnits } from "./align/units.ts";
export {
  type Artefact,
  artefactId,
  type LineageStep,
  loadArtefact,
  saveArtefact,
  type Unsaved,
} from "./artefacts/artefact.ts";
export { type Backbone, describeBackbone } from "./artefacts/backbone.ts";
export {
  loadPath,
  loadPoint,
  type SavePathOptions,
  type SavePointOptions,
  type StoredPath,
  type StoredPoint,
  savePath,
  savePoint,
} from "./artefacts/points.ts";
export { type Answers, attributeBarrier, measureAnswers } from "./barrier/agreement.ts";
export type { BarrierIntervals, Interval } from "./barrier/bootstrap.ts";
export { type BarrierVerdict, type JudgeBarrierOptions, judgeBarrier } from "./barrier/judge.ts";
export {
  measureBarrier,
  type PathEvent,
  type PathMeasurement,
  type PathPoint,
  type RunPathOptions,
  runPath,
} from "./barrier/run-path.ts";
export { type BarrierSummary, summariseCurve } from "./barrier/summary.ts";
export {
  type BarriersEvent,
  type Basins,
  type ClusterBasinsOptions,
  clusterBasins,
  type RunBarriersOptions,
  runBarriers,
} from "./basins/cluster.ts";
export type { Grouping } from "./blend/groups.ts";
export {
  type BlendEndEvent,
  type BlendEvent,
  type BlendOptions,
  blendObjective,
  type TrainBlendOptions,
  trainBlend,
} from "./blend/train-blend.ts";
export { type Hessian, type MeasureHessianOptions, measureHessian } from "./curvature/hessian.ts";
export { type EigenPair, eigenOfSymmetric } from "./curvature/tridiagonal.ts";
export { type AutoNebEvent, type RunAutoNebOptions, runAutoNeb } from "./curve/auto-neb.ts";
export {
  type CurveEndEvent,
  type CurveEvent,
  type CurveOptions,
  curveObjective,
  type TrainCurveOptions,
  trainCurve,
  withBends,
} from "./curve/train-curve.ts";
export {
  type CreateEvaluatorOptions,
  createEvaluator,
  type Evaluator,
  type Measurement,
} from "./evaluate/evaluator.ts";
export type { Measure } from "./evaluate/measure.ts";
export { type Cartographer, type Cartography, createCartographer } from "./knowledge/cartography.ts";
export { type KnowledgeShift, type KnowledgeStep, measureKnowledge } from "./knowledge/shift.ts";
export { type CreateDirectionsOptions, createDirections, type Normalisation } from "./landscape/direction.ts";
export type { HasSites } from "./landscape/filters.ts";
export {
  type Landscape,
  type LandscapeEvent,
  type RunLandscapeOptions,
  runLandscape,
  type Slice,
  type Ticks,
} from "./landscape/run-landscape.ts";
export { type MeasureSharpnessOptions, measureSharpness, type Sharpness } from "./landscape/sharpness.ts";
export { estimateFisher, mergeByFisher } from "./merging/fisher.ts";
export { type Interference, measureInterference } from "./merging/interference.ts";
export { type MergePointsOptions, mergePoints } from "./merging/merge-points.ts";
export { type MergeTunedOptions, mergeTuned } from "./merging/merge-tuned.ts";
export { type ReadRecipe, readMergekit } from "./merging/mergekit.ts";
export type { MergeMethod, MergeRecipe } from "./merging/recipe.ts";
export {
  captureGrams,
  type Grams,
  type MergeByRegMeanOptions,
  mergeByRegMean,
  type Watched,
} from "./merging/reg-mean.ts";
export type { Gradient, Setting } from "./merging/settings.ts";
export { type RunSoupOptions, runSoup, type SoupEvent, type Tasted } from "./merging/soup.ts";
export type { Rescale } from "./merging/sparsify.ts";
export { type LandscapeMark, type PlotLandscapeOptions, plotLandscape } from "./plots/plot-landscape.ts";
export { type PlotPathOptions, plotPath } from "./plots/plot-path.ts";
export { type Distance, measureDistance } from "./points/distance.ts";
export { type BendOptions, bezier, line, type Path, type PathKind, polychain, sphere } from "./points/path.ts";
export { type Plane, type Projection, plane, projectPoint } from "./points/plane.ts";
export { type PointLike, type PointSource, treeOf } from "./points/point.ts";
export { type TrajectoryPlane, trajectoryPlane } from "./points/trajectory.ts";
