/**
 * One step of training: loss and gradients over one or more micro-batches, clipping, the optimiser's update, and a single
 * read of the loss.
 *
 * Its parts are functions of tensors alone (`step-functions.ts`). So a backend that can replay functions traces the step a
 * few times for each shape of batch and needs no more JavaScript afterwards; one that is merely lazy runs the step as one
 * graph. With many parameters, the graph ends at the gradients, and an optimiser that can moves the point in its own memory.
 */
import { ConfigError, StateError } from "@cambium/base";
import {
  cloneParameters,
  compile,
  countParameters,
  type Objective,
  type Parameters,
  type Random,
  randomOf,
} from "@cambium/core";
import { type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import type { MiniBatch } from "./data/batches.ts";
import { type Optimiser, type OptimiserMove, type OptimiserState, toTensors } from "./optimisers/optimiser.ts";
import { rateAt } from "./schedules.ts";
import {
  type LossAndGradients,
  type MicroBatch,
  overlay,
  type Scalars,
  type StepFunctions,
  stepFunctions,
} from "./step-functions.ts";
import { disposeTrees } from "./tensors.ts";
import { weightOf } from "./weight.ts";

/** Where a step starts from. */
export interface Point {
  /** Steps taken. */
  readonly step: number;
  readonly parameters: Parameters;
  /** The objective's. */
  readonly state: Parameters;
  readonly optimiser: OptimiserState;
}

/** What is known of a step besides where it leads. */
export interface StepReport {
  /** Mean over what the step's batches count, before the update. */
  readonly loss: number;
  /** Norm of the gradient before clipping, where it is clipped. */
  readonly gradientNorm?: number;
  readonly learningRate: number;
}

/** Where a step leads. The receiver owns the tensors. */
export interface StepResult {
  readonly point: Point;
  readonly report: StepReport;
}

/** How a step is taken. */
export interface StepSettings {
  readonly optimiser: Optimiser;
  /** Steps of the run, where they are known. */
  readonly total?: number | undefined;
  readonly clipNorm?: number | undefined;
  /** Key of the run. */
  readonly random: Random;
}

/**
 * Throws unless every number of a step's report is finite.
 *
 * @throws {StateError} With the step, its loss and its learning rate.
 */
function checkFinite(step: number, report: StepReport): void {
  const { loss, gradientNorm = 0, learningRate } = report;
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  const what = Number.isFinite(loss)
    ? `the gradient's norm became ${gradientNorm} (loss ${loss})`
    : `the loss became ${loss}`;
  throw new StateError({
    message: `train: ${what} at step ${step}, with learning rate ${learningRate}; lower the rate, warm up, or set clipNorm`,
    step,
    ...report,
  });
}

/**
 * The objective's numbers of a step.
 *
 * @throws {ConfigError} When one is not finite.
 */
export function scalarsAt(objective: Objective<never>, step: number, total?: number): Readonly<Record<string, number>> {
  const scalars = objective.scalars?.(step, total) ?? {};
  for (const [name, value] of Object.entries(scalars)) {
    if (Number.isFinite(value)) continue;
    throw new ConfigError({
      message: `train: objective.scalars gives ${value} for "${name}" at step ${step} of ${total ?? "an unknown number"}; it must be finite`,
      name,
      step,
    });
  }
  return scalars;
}

/**
 * Takes one step from a point. Batches are not disposed of, nor is the point; but a point that has been left may have lost
 * its memory to the new one, where it was the only one to hold it. Batches that count nothing are left out; when none
 * counts anything, nothing moves.
 */
export type TakeStep<Batch> = (point: Point, batches: readonly MiniBatch<Batch>[]) => Promise<StepResult>;

/** So many parameters are worth an update outside of the graph. */
const MANY_PARAMETERS = 2 ** 20;

/**
 * How an objective is moved one step.
 *
 * The returned function throws a `ShapeError` when the loss is not a single number, and a `StateError` when the loss or
 * the gradient's norm is not finite.
 */
export function createStep<Batch>(objective: Objective<Batch>, settings: StepSettings): TakeStep<Batch> {
  const { optimiser, random, total, clipNorm } = settings;
  /** The key of the running micro-batch on the host, and whether an objective has ever drawn from it there. */
  let hostKey = random;
  let drawsOnHost = false;
  const plain = stepFunctions(objective, settings, (key) =>
    randomOf(key, hostKey, () => {
      drawsOnHost = true;
    }),
  );
  const compiled: StepFunctions<Batch> = {
    differentiate: compile(plain.differentiate),
    conclude: compile(plain.conclude),
    follow: compile(plain.follow),
    concludeAndMove: compile(plain.concludeAndMove),
  };
  /** What a replay would not draw again, it must not replay. */
  const current = (): StepFunctions<Batch> => (drawsOnHost ? plain : compiled);
  const movesInPlace = optimiser.donates === true && countParameters(objective.parameters) >= MANY_PARAMETERS;

  async function readReport(numbers: Tensor1D, learningRate: number, step: number): Promise<StepReport> {
    const [loss, gradientNorm] = await numbers.data();
    const report = { loss: loss!, ...(gradientNorm === undefined ? {} : { gradientNorm }), learningRate };
    checkFinite(step, report);
    return report;
  }

  /** The update in the optimiser's own memory, outside of the graph. */
  async function moveInPlace(point: Point, values: Scalars, given: MicroBatch<Batch>, learningRate: number) {
    const concluded = current().conclude(given);
    let moved: OptimiserMove | undefined;
    try {
      const report = await readReport(concluded.numbers, learningRate, point.step + 1);
      const { gradients } = concluded;
      moved = optimiser.move(gradients, point.optimiser.tensors, point.parameters, values, { donate: true });
      const { parameters, tensors } = moved;
      const { state, scalars } = given;
      if (objective.afterStep === undefined) {
        moved = undefined;
        return { next: { parameters, tensors, state: cloneParameters(state) }, report };
      }
      const after = current().follow({ state, parameters, gradients, scalars });
      moved = undefined;
      for (const name of after.changed.keys()) parameters.get(name)!.dispose();
      return { next: { tensors, parameters: overlay(parameters, after.changed), state: after.state }, report };
    } finally {
      disposeTrees(concluded, moved);
    }
  }

  async function moveInGraph(point: Point, values: Scalars, given: MicroBatch<Batch>, learningRate: number) {
    const { numbers, ...next } = current().concludeAndMove(point.optimiser.tensors, values, given);
    try {
      return { next, report: await readReport(numbers, learningRate, point.step + 1) };
    } catch (error) {
      disposeTrees(next);
      throw error;
    } finally {
      numbers.dispose();
    }
  }

  /** A step that counts nothing. */
  function stay(point: Point, learningRate: number): StepResult {
    const { parameters, state, optimiser: remembered } = point;
    return {
      point: {
        step: point.step + 1,
        parameters: cloneParameters(parameters),
        state: cloneParameters(state),
        optimiser: { step: remembered.step, tensors: cloneParameters(remembered.tensors) },
      },
      report: { loss: 0, ...(clipNorm === undefined ? {} : { gradientNorm: 0 }), learningRate },
    };
  }

  return async (point, batches) => {
    const { parameters, state } = point;
    const step = point.step + 1;
    const updates = point.optimiser.step + 1;
    const learningRate = rateAt("train", optimiser.learningRate, step);
    const weights = batches.map((item) => weightOf("train", objective, item));
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    if (batches.length === 0) throw new StateError({ message: "train: a step needs a batch" });
    if (whole === 0) return stay(point, learningRate);

    const key = random.at("step").at(step);
    const counted = [...batches.entries()].filter(([index]) => weights[index]! > 0);
    const numbers = [optimiser.scalars(updates, parameters, learningRate), scalarsAt(objective, step, total)] as const;
    const [values, scalars] = [toTensors(numbers[0]), toTensors(numbers[1])];
    let former: LossAndGradients | undefined;
    try {
      for (const [index, { batch }] of counted) {
        hostKey = key.at(index);
        const root = hostKey.tensor();
        const share = counted.length === 1 ? undefined : tensor1d([weights[index]! / whole]);
        const before = former;
        former = undefined;
        try {
          // The read between two micro-batches keeps only one's activations in memory.
          await before?.loss.data();
          const given = { parameters, state, scalars, batch, key: root, share, former: before };
          if (index !== counted.at(-1)![0]) {
            former = current().differentiate(given);
            continue;
          }
          const { next, report } = await (movesInPlace ? moveInPlace : moveInGraph)(point, values, given, learningRate);
          const remembered = { step: updates, tensors: next.tensors };
          return { point: { step, parameters: next.parameters, state: next.state, optimiser: remembered }, report };
        } finally {
          disposeTrees(root, share, before);
        }
      }
    } finally {
      disposeTrees(values, scalars);
    }
    throw new StateError({ message: "internal: the last micro-batch ended no step" });
  };
}
