/**
 * One step of training: loss and gradients over one or more micro-batches, clipping, the optimiser's update, and a single
 * read of the loss.
 *
 * The step is made of functions of tensors alone: whatever differs between two steps (rates, the key of their randomness,
 * a micro-batch's share) is an argument. So a backend that can replay functions traces the step a few times for each
 * shape of batch and needs no more JavaScript afterwards; one that is merely lazy runs the step as one graph.
 *
 * With many parameters, the graph ends at the gradients, and an optimiser that can moves the point in its own memory.
 */
import { ShapeError, StateError } from "@cambium/base";
import {
  compile,
  countParameters,
  type Objective,
  type Parameters,
  type Random,
  randomOf,
  valueAndGradients,
  zipParameters,
} from "@cambium/core";
import { add, concat, mul, reshape, type Scalar, type Tensor, type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import { clipGradients } from "./clip.ts";
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

/** Clipped gradients, and what is to be read: the loss, then the norm before clipping where there is clipping. */
interface Concluded {
  readonly gradients: Map<string, Tensor>;
  readonly numbers: Tensor1D;
}

interface Move extends OptimiserMove {
  readonly numbers: Tensor1D;
}

/** What a micro-batch is differentiated with: its `share` of the step's rows, and the sum over those before it. */
type MicroBatch<Batch> = readonly [
  parameters: Parameters,
  batch: Batch,
  key: Tensor1D,
  share: Tensor1D | undefined,
  former: LossAndGradients | undefined,
];

/** The parts of a step, as functions of tensors. Each gives its caller the tensors of its result. */
interface StepFunctions<Batch> {
  /** Loss and gradients times the share, added to the former ones. */
  differentiate(...given: MicroBatch<Batch>): LossAndGradients;
  /** The same for the last micro-batch, with gradients ready for the optimiser. */
  conclude(...given: MicroBatch<Batch>): Concluded;
  /** The same, and the point after the update. */
  concludeAndMove(tensors: Parameters, scalars: Readonly<Record<string, Tensor>>, ...given: MicroBatch<Batch>): Move;
}

function stepFunctions<Batch>(
  objective: Objective<Batch>,
  { optimiser, clipNorm }: StepSettings,
  randomAt: (key: Tensor1D) => Random,
): StepFunctions<Batch> {
  function differentiate(...[parameters, batch, key, share, former]: MicroBatch<Batch>): LossAndGradients {
    // The share is a factor on the loss, from where it reaches every gradient.
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
  }
  function conclude(...given: MicroBatch<Batch>): Concluded {
    const { loss, gradients } = differentiate(...given);
    const numbers = reshape(loss, [1]) as Tensor1D;
    if (clipNorm === undefined) return { gradients, numbers };
    const clipped = clipGradients(gradients, clipNorm);
    return { gradients: clipped.gradients, numbers: concat([numbers, reshape(clipped.norm, [1]) as Tensor1D]) };
  }
  return {
    differentiate: (...given) => tidyTrees(() => differentiate(...given)),
    conclude: (...given) => tidyTrees(() => conclude(...given)),
    concludeAndMove: (tensors, scalars, ...given) =>
      tidyTrees(() => {
        const { gradients, numbers } = conclude(...given);
        return { ...optimiser.move(gradients, tensors, given[0], scalars), numbers };
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

/**
 * Takes one step from a point. Batches are not disposed of, nor is the point; but a point that has been left may have lost
 * its memory to the new one, where it was the only one to hold it.
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
  const { optimiser, random } = settings;
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

  /** A step from the last micro-batch on. */
  async function finish({ parameters, state }: Point, given: MicroBatch<Batch>): Promise<StepResult> {
    const step = state.step + 1;
    const learningRate = rateAt("train", optimiser.learningRate, step);
    const scalars = toTensors(optimiser.scalars(step, parameters));
    let made: Concluded | Move | undefined;
    try {
      if (movesInPlace) {
        made = current().conclude(...given);
        const report = await readReport(made.numbers, learningRate, step);
        const next = optimiser.move(made.gradients, state.tensors, parameters, scalars, { donate: true });
        return { point: { parameters: next.parameters, state: { step, tensors: next.tensors } }, report };
      }
      const next = current().concludeAndMove(state.tensors, scalars, ...given);
      made = next;
      const report = await readReport(next.numbers, learningRate, step);
      made = undefined;
      next.numbers.dispose();
      return { point: { parameters: next.parameters, state: { step, tensors: next.tensors } }, report };
    } finally {
      disposeTrees(scalars, made);
    }
  }

  return async (point, batches) => {
    const key = random.at("step").at(point.state.step + 1);
    const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    let former: LossAndGradients | undefined;
    for (const [index, item] of batches.entries()) {
      hostKey = key.at(index);
      const root = hostKey.tensor();
      const share = batches.length === 1 ? undefined : tensor1d([item.rows / rows]);
      const before = former;
      try {
        // The read between two micro-batches keeps only one's activations in memory.
        await before?.loss.data();
        const given = [point.parameters, item.batch, root, share, before] as const;
        if (index === batches.length - 1) return await finish(point, given);
        former = current().differentiate(...given);
      } finally {
        disposeTrees(root, share, before);
      }
    }
    throw new StateError({ message: "train: a step needs a batch" });
  };
}
