import { ConfigError, StateError } from "@cambium/base";
import { cloneParameters, normParameters, type Objective, type Parameters } from "@cambium/core";
import { tidy } from "@tensorflow/tfjs-core";
import type { Position } from "./data/groups-of-batches.ts";
import type { Optimiser } from "./optimisers/optimiser.ts";
import type { Point, StepReport } from "./step.ts";
import { disposeTrees } from "./tensors.ts";

/** The best evaluation so far. */
export interface Best {
  /** Step after which it was measured. */
  readonly step: number;
  /** The metric that is compared. */
  readonly value: number;
  readonly parameters: Parameters;
}

/** Everything that the rest of a run depends on. Its tensors belong to the run. */
export interface Progress extends Point {
  /** Steps taken. */
  readonly step: number;
  readonly position: Position;
  readonly best: Best | undefined;
  /** Evaluations since the best one. */
  readonly evaluationsSinceBest: number;
}

/**
 * A run before its first step.
 *
 * @throws {ConfigError} When the objective has no parameters.
 */
export function startProgress(objective: Objective<never>, optimiser: Optimiser): Progress {
  if (objective.parameters.size === 0) {
    throw new ConfigError({ message: "train: the objective has no parameters to train; attach a delta to the model" });
  }
  return {
    state: optimiser.init(objective.parameters),
    parameters: cloneParameters(objective.parameters),
    step: 0,
    position: { epoch: 0, batch: 0 },
    best: undefined,
    evaluationsSinceBest: 0,
  };
}

/** The progress one step further. The point that is left is disposed of. */
export function advance(progress: Progress, point: Point, position: Position): Progress {
  disposeTrees(progress.parameters, progress.state);
  return { ...progress, ...point, step: point.state.step, position };
}

/**
 * Throws unless every parameter is finite, which a finite loss *before* the last update does not tell.
 *
 * @throws {StateError} With the step, its loss and its learning rate.
 */
export async function checkFiniteParameters({ parameters, step }: Progress, report: StepReport): Promise<void> {
  const norm = tidy(() => normParameters(parameters));
  const [value] = await norm.data();
  norm.dispose();
  if (Number.isFinite(value)) return;
  const { loss, learningRate } = report;
  throw new StateError({
    message: `train: the parameters' norm became ${value} at step ${step}, with loss ${loss} and learning rate ${learningRate}; lower the rate, warm up, or set clipNorm`,
    step,
    ...report,
  });
}
