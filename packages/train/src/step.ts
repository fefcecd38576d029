/**
 * One step of training: loss and gradients over one or more micro-batches, clipping, the optimiser's update, and a single
 * read of the loss. Until that read nothing leaves the device, so that a lazy backend runs the step as one graph; what
 * nobody needs any more is disposed of before it, so that the graph does not have to hand it out.
 */
import {
  type Objective,
  type Parameters,
  type Random,
  ShapeError,
  StateError,
  valueAndGradients,
  zipParameters,
} from "@cambium/core";
import { add, concat, mul, reshape, type Scalar, type Tensor, type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import { clipByGlobalNorm } from "./clip.ts";
import type { MiniBatch } from "./data/batches.ts";
import type { Optimiser, OptimiserState, OptimiserUpdate } from "./optimisers/optimiser.ts";
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

/**
 * Loss and gradients of one micro-batch, times `share`. The factor is on the loss, from where it reaches every gradient.
 */
function differentiateShare<Batch>(
  objective: Objective<Batch>,
  parameters: Parameters,
  batch: Batch,
  share: number,
  random: Random,
): LossAndGradients {
  const { value, gradients } = valueAndGradients((at) => {
    const loss = objective.loss(at, batch, { random, training: true });
    if (loss.size !== 1)
      throw new ShapeError({
        message: `train: objective.loss must return one number, got shape [${loss.shape}]; take the mean over the batch`,
      });
    return reshape(share === 1 ? loss : mul(loss, tensor1d([share])), []);
  }, parameters);
  return { loss: value, gradients };
}

/**
 * Mean loss and gradients over the rows of all micro-batches: each counts by its number of rows. Between two of them the
 * loss so far is read, so that only one micro-batch's activations are in memory.
 */
async function meanLossAndGradients<Batch>(
  objective: Objective<Batch>,
  parameters: Parameters,
  batches: readonly MiniBatch<Batch>[],
  random: Random,
): Promise<LossAndGradients> {
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  let mean: LossAndGradients | undefined;
  for (const [index, item] of batches.entries()) {
    const former = mean;
    try {
      await former?.loss.data();
      mean = tidyTrees(() => {
        const share = differentiateShare(objective, parameters, item.batch, item.rows / rows, random.at(index));
        if (former === undefined) return share;
        return {
          loss: add<Scalar>(former.loss, share.loss),
          gradients: zipParameters(former.gradients, share.gradients, (a, b) => add(a, b)),
        };
      });
    } finally {
      disposeTrees(former);
    }
  }
  return mean!;
}

/** The point after the update, and what is to be read: the loss, then the norm where it is known. Disposes of `mean`. */
function move(
  mean: LossAndGradients,
  { parameters, state }: Point,
  optimiser: Optimiser,
  clipNorm: number | undefined,
): OptimiserUpdate & { readonly numbers: Tensor1D } {
  try {
    return tidyTrees(() => {
      const loss = reshape(mean.loss, [1]) as Tensor1D;
      if (clipNorm === undefined) return { ...optimiser.update(mean.gradients, state, parameters), numbers: loss };
      const { gradients, norm } = clipByGlobalNorm(mean.gradients, clipNorm);
      return {
        ...optimiser.update(gradients, state, parameters),
        numbers: concat([loss, reshape(norm, [1]) as Tensor1D]),
      };
    });
  } finally {
    disposeTrees(mean);
  }
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
 * Takes one step from a point. Neither the point nor the batches are disposed of.
 *
 * @throws {ShapeError} When the loss is not a single number.
 * @throws {StateError} When the loss or the gradient's norm is not finite.
 */
export async function takeStep<Batch>(
  objective: Objective<Batch>,
  point: Point,
  batches: readonly MiniBatch<Batch>[],
  { optimiser, clipNorm, random }: StepSettings,
): Promise<StepResult> {
  const step = point.state.step + 1;
  const learningRate = rateAt("train", optimiser.learningRate, step);
  const mean = await meanLossAndGradients(objective, point.parameters, batches, random.at("step").at(step));
  const { numbers, ...next } = move(mean, point, optimiser, clipNorm);
  try {
    const [loss, gradientNorm] = await numbers.data();
    const report = { loss: loss!, ...(gradientNorm === undefined ? {} : { gradientNorm }), learningRate };
    checkFinite(step, report);
    return { point: next, report };
  } catch (error) {
    disposeTrees(next);
    throw error;
  } finally {
    numbers.dispose();
  }
}
