import { ConfigError, StateError } from "@cambium/base";
import { checkSameStructure, cloneParameters, normParameters, type Objective, type Parameters } from "@cambium/core";
import { tidy } from "@tensorflow/tfjs-core";
import type { Position } from "./data/groups-of-batches.ts";
import type { Optimiser, OptimiserState } from "./optimisers/optimiser.ts";
import type { Point, StepReport } from "./step.ts";
import { disposeTrees } from "./tensors.ts";

/** Where a run starts, in place of the objective's own point and an optimiser that remembers nothing. */
export interface StartOptions {
  /** What is trained. Not disposed. @default the objective's parameters */
  readonly parameters?: Parameters;
  /** The objective's state. Not disposed. @default the objective's state */
  readonly state?: Parameters;
  /** The optimiser's state, such as the `end` event of another run gives it with `keepOptimiser`. @default its beginning */
  readonly optimiser?: OptimiserState;
  /** Steps that were taken before, which rates, randomness and `steps` count too. @default 0 */
  readonly step?: number;
  /** Where in the data to begin, such as the `end` event of another run gives it with `keepOptimiser`. @default its beginning */
  readonly position?: Position;
}

/** The best evaluation so far. */
export interface Best {
  /** Step after which it was measured. */
  readonly step: number;
  /** The metric that is compared. */
  readonly value: number;
  readonly parameters: Parameters;
  /** The objective's. */
  readonly state: Parameters;
}

/** Everything that the rest of a run depends on. Its tensors belong to the run. */
export interface Progress extends Point {
  readonly position: Position;
  readonly best: Best | undefined;
  /** Evaluations since the best one. */
  readonly evaluationsSinceBest: number;
}

/** A tree in the order of another of the same structure: sums over parameters depend on it. */
function inOrderOf(like: Parameters, tree: Parameters): Parameters {
  return new Map([...like.keys()].map((name) => [name, tree.get(name)!]));
}

/**
 * A run before its first step.
 *
 * @throws {ConfigError} When the objective has no parameters.
 * @throws {ShapeError} When `start` does not fit the objective or the optimiser.
 */
export function startProgress(objective: Objective<never>, optimiser: Optimiser, start: StartOptions = {}): Progress {
  if (objective.parameters.size === 0) {
    throw new ConfigError({ message: "train: the objective has no parameters to train; attach a delta to the model" });
  }
  const atStart = objective.state ?? new Map();
  const { parameters = objective.parameters, state = atStart } = start;
  const fresh = optimiser.init(objective.parameters);
  try {
    checkSameStructure("train: start.parameters", objective.parameters, parameters);
    checkSameStructure("train: start.state", atStart, state);
    checkSameStructure("train: start.optimiser", fresh.tensors, start.optimiser?.tensors ?? fresh.tensors);
  } catch (error) {
    disposeTrees(fresh);
    throw error;
  }
  let remembered = fresh;
  if (start.optimiser !== undefined) {
    const { step, tensors } = start.optimiser;
    remembered = { step, tensors: cloneParameters(inOrderOf(fresh.tensors, tensors)) };
    disposeTrees(fresh);
  }
  return {
    step: start.step ?? 0,
    parameters: cloneParameters(inOrderOf(objective.parameters, parameters)),
    state: cloneParameters(inOrderOf(atStart, state)),
    optimiser: remembered,
    position: start.position ?? { epoch: 0, batch: 0 },
    best: undefined,
    evaluationsSinceBest: 0,
  };
}

/** The progress one step further. The point that is left is disposed of. */
export function advance(progress: Progress, point: Point, position: Position): Progress {
  disposeTrees(progress.parameters, progress.state, progress.optimiser);
  return { ...progress, ...point, position };
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
