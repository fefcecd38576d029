/**
 * One step of training: loss and gradients over one or more micro-batches, clipping, the optimiser's update, and a single
 * read of the loss.
 *
 * The step is made of functions of tensors alone: whatever differs between two steps (rates, the key of their randomness,
 * a micro-batch's share) is an argument. So a backend that can replay functions traces the step a few times for each
 * shape of batch and needs no more JavaScript afterwards; one that is merely lazy runs the step as one graph.
 */
import {
  compile,
  type Objective,
  type Parameters,
  type Random,
  randomOf,
  ShapeError,
  StateError,
  valueAndGradients,
  zipParameters,
} from "@cambium/core";
import { add, concat, mul, reshape, type Scalar, type Tensor, type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import { clipByGlobalNorm } from "./clip.ts";
import type { MiniBatch } from "./data/batches.ts";
import { type Optimiser, type OptimiserMove, type OptimiserState, toTensors } from "./optimisers/optimiser.ts";
import { rateAt } from "./schedules.ts";
import { disposeTrees, tidyTrees } from "./tensors.ts";

/** Where a step starts from. */
export interface Point {
  readonly parameters: Parameters;
  readonly state: OptimiserState;
}

/** What is known of a step besides where it leads. */
export interface StepReport {
  /** Mean over the step's rows, before the update. */
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
  readonly clipNorm?: number | undefined;
  /** Key of the run. */
  readonly random: Random;
}

interface LossAndGradients {
  readonly loss: Scalar;
  readonly gradients: Map<string, Tensor>;
}

interface Move extends OptimiserMove {
  /** What is to be read: the loss, then the gradient's norm where it is clipped. */
  readonly numbers: Tensor1D;
}

/** The parts of a step, as functions of tensors. Each gives its caller the tensors of its result. */
interface StepFunctions<Batch> {
  /**
   * Loss and gradients of a micro-batch times its `share` of the rows, added to those of the micro-batches before it. The
   * factor is on the loss, from where it reaches every gradient.
   */
  differentiate(
    parameters: Parameters,
    batch: Batch,
    key: Tensor1D,
    share: Tensor1D | undefined,
    former: LossAndGradients | undefined,
  ): LossAndGradients;
  /** The point after the update. */
  move(
    mean: LossAndGradients,
    parameters: Parameters,
    tensors: Parameters,
    scalars: Readonly<Record<string, Tensor>>,
  ): Move;
}

function stepFunctions<Batch>(
  objective: Objective<Batch>,
  { optimiser, clipNorm }: StepSettings,
  randomAt: (key: Tensor1D) => Random,
): StepFunctions<Batch> {
  return {
    differentiate: (parameters, batch, key, share, former) =>
      tidyTrees(() => {
        const { value, gradients } = valueAndGradients((at) => {
          const loss = objective.loss(at, batch, { random: randomAt(key), training: true });
          if (loss.size !== 1)
            throw new ShapeError({
              message: `train: objective.loss must return one number, got shape [${loss.shape}]; take the mean over the batch`,
            });
          return reshape(share === undefined ? loss : mul(loss, share), []);
        }, parameters);
        if (former === undefined) return { loss: value, gradients };
        return {
          loss: add<Scalar>(former.loss, value),
          gradients: zipParameters(former.gradients, gradients, (a, b) => add(a, b)),
        };
      }),
    move: (mean, parameters, tensors, scalars) =>
      tidyTrees(() => {
        const loss = reshape(mean.loss, [1]) as Tensor1D;
        if (clipNorm === undefined)
          return { ...optimiser.move(mean.gradients, tensors, parameters, scalars), numbers: loss };
        const { gradients, norm } = clipByGlobalNorm(mean.gradients, clipNorm);
        return {
          ...optimiser.move(gradients, tensors, parameters, scalars),
          numbers: concat([loss, reshape(norm, [1]) as Tensor1D]),
        };
      }),
  };
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

/** Takes one step from a point. Neither the point nor the batches are disposed of. */
export type TakeStep<Batch> = (point: Point, batches: readonly MiniBatch<Batch>[]) => Promise<StepResult>;

/**
 * How an objective is moved one step.
 *
 * The returned function throws a `ShapeError` when the loss is not a single number, and a `StateError` when the loss or
 * the gradient's norm is not finite.
 */
export function createStep<Batch>(objective: Objective<Batch>, settings: StepSettings): TakeStep<Batch> {
  const { optimiser, random } = settings;
  /** The key of the running micro-batch on the host, and whether an objective has ever drawn from it there. */
  let hostKey = random;
  let drawsOnHost = false;
  const functions = stepFunctions(objective, settings, (key) =>
    randomOf(key, hostKey, () => {
      drawsOnHost = true;
    }),
  );
  const differentiateAndMove = (
    parameters: Parameters,
    batch: Batch,
    key: Tensor1D,
    tensors: Parameters,
    scalars: Readonly<Record<string, Tensor>>,
  ): Move =>
    tidyTrees(() =>
      functions.move(
        functions.differentiate(parameters, batch, key, undefined, undefined),
        parameters,
        tensors,
        scalars,
      ),
    );
  const plain = { ...functions, differentiateAndMove };
  const compiled = {
    differentiate: compile(plain.differentiate),
    move: compile(plain.move),
    differentiateAndMove: compile(plain.differentiateAndMove),
  };
  /** What a replay would not draw again, it must not replay. */
  const current = (): typeof plain => (drawsOnHost ? plain : compiled);

  /** The mean over micro-batches, one after the other: the read between two keeps only one's activations in memory. */
  async function differentiateAll(
    parameters: Parameters,
    batches: readonly MiniBatch<Batch>[],
    key: Random,
  ): Promise<LossAndGradients> {
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    let mean: LossAndGradients | undefined;
    for (const [index, item] of batches.entries()) {
      const former = mean;
      hostKey = key.at(index);
      const given = [hostKey.tensor(), tensor1d([item.rows / rows])] as const;
      try {
        await former?.loss.data();
        mean = current().differentiate(parameters, item.batch, ...given, former);
      } finally {
        disposeTrees(given, former);
      }
    }
    return mean!;
  }

  async function moveOnce(
    { parameters, state }: Point,
    batches: readonly MiniBatch<Batch>[],
    step: number,
  ): Promise<Move> {
    const key = random.at("step").at(step);
    const scalars = toTensors(optimiser.scalars(step, parameters));
    const [only] = batches;
    hostKey = key.at(0);
    const root = hostKey.tensor();
    let mean: LossAndGradients | undefined;
    try {
      if (batches.length === 1)
        return current().differentiateAndMove(parameters, only!.batch, root, state.tensors, scalars);
      mean = await differentiateAll(parameters, batches, key);
      return current().move(mean, parameters, state.tensors, scalars);
    } finally {
      disposeTrees(mean, root, scalars);
    }
  }

  return async (point, batches) => {
    const step = point.state.step + 1;
    const learningRate = rateAt("train", optimiser.learningRate, step);
    const { numbers, parameters, tensors } = await moveOnce(point, batches, step);
    try {
      const [loss, gradientNorm] = await numbers.data();
      const report = { loss: loss!, ...(gradientNorm === undefined ? {} : { gradientNorm }), learningRate };
      checkFinite(step, report);
      return { point: { parameters, state: { step, tensors } }, report };
    } catch (error) {
      disposeTrees(parameters, tensors);
      throw error;
    } finally {
      numbers.dispose();
    }
  };
}
