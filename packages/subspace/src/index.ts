/**
 * Tuning in few coordinates: projections from a small space into that of the parameters, training within them, and one subspace in
 * which the solutions of several tasks and methods lie together.
 *
 * @module
 */

export { type BaselineOptions, meanSolution, pcaSubspace, randomSubspace } from "./joint/baselines.ts";
export { loadSubspace, saveSubspace } from "./joint/files.ts";
export type { FitSubspaceOptions } from "./joint/fit-options.ts";
export { type FitSharedOptions, fitShared, type SharedEvent, type SharedFitEvent } from "./joint/fit-shared.ts";
export { type FitEvent, fitSubspace, type SubspaceFitEvent } from "./joint/fit-subspace.ts";
export type { Activation, Decoder, DecoderKind, DecoderSettings } from "./joint/networks.ts";
export {
  type OptimiseOptions,
  optimiseInSubspace,
  type RelativePerformance,
  relativePerformance,
  transfer,
} from "./joint/optimise.ts";
export type { Solution } from "./joint/solution.ts";
export type { Coordinates, MethodSpace, Subspace } from "./joint/subspace.ts";
export {
  measureOverlap,
  type Overlap,
  runSubspaceLandscape,
  type SubspaceLandscapeEvent,
  type SubspaceLandscapeOptions,
  type SubspacePlane,
  subspacePlane,
} from "./landscape/landscape.ts";
export { type TrajectoryOptions, trajectoryProjection } from "./projection/basis.ts";
export { denseProjection } from "./projection/dense.ts";
export { type FastfoodOptions, fastfoodProjection } from "./projection/fastfood.ts";
export { hadamardTransform } from "./projection/hadamard.ts";
export type { Filtered, Projection, Shaped } from "./projection/projection.ts";
export type { RandomProjectionOptions } from "./projection/random-projection.ts";
export { type D90, type D90Point, type D90Run, type MeasureD90Options, measureD90 } from "./training/measure-d90.ts";
export { type MeasureOutliersOptions, measureOutliers, type OutlierEffect } from "./training/outliers.ts";
export {
  type SubspaceEndEvent,
  type SubspaceEvent,
  type SubspaceObjective,
  type SubspaceOptions,
  subspaceObjective,
  type TrainInSubspaceOptions,
  trainInSubspace,
} from "./training/subspace-objective.ts";
