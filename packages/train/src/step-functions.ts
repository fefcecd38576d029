/**
 * What a step is made of, as functions of tensors alone: whatever differs between two steps (rates, the key of their
 * randomness, a micro-batch's share, the objective's state) is an argument, so that a backend can replay them.
 */
import { ShapeError } from "@cambium/base";
import {
  type AfterStep,
  checkSameStructure,
  cloneParameters,
  type LossContext,
  type Objective,
  type Parameters,
  type Random,
  valueAndGradients,
  zipParameters,
} from "@cambium/core";
import { add, concat, mul, reshape, type Scalar, type Tensor, type Tensor1D } from "@tensorflow/tfjs-core";
import { clipGradients } from "./clip.ts";
import type { Optimiser, OptimiserMove } from "./optimisers/optimiser.ts";
import { tidyTrees } from "./tensors.ts";

/** What a micro-batch and those before it add up to. */
export interface LossAndGradients {
  readonly loss: Scalar;
  readonly gradients: Map<string, Tensor>;
}

/** Clipped gradients, and what is to be read: the loss, then the norm before clipping where there is clipping. */
export interface Concluded {
  readonly gradients: Map<string, Tensor>;
  readonly numbers: Tensor1D;
}

/** What the objective makes of a step: its state, and the parameters that it changes. */
interface After {
  readonly state: Map<string, Tensor>;
  readonly changed: Map<string, Tensor>;
}

/** Where a step leads, and what is to be read. */
interface Move extends OptimiserMove {
  readonly state: Map<string, Tensor>;
  readonly numbers: Tensor1D;
}

/** Numbers of one step, as tensors of shape [1]. */
export type Scalars = Readonly<Record<string, Tensor>>;

/** What a micro-batch is differentiated with. */
export interface MicroBatch<Batch> {
  readonly parameters: Parameters;
  readonly state: Parameters;
  readonly scalars: Scalars;
  readonly batch: Batch;
  readonly key: Tensor1D;
  /** Its share of what the step counts. */
  readonly share: Tensor1D | undefined;
  /** The sum over the micro-batches before it. */
  readonly former: LossAndGradients | undefined;
}

/** The parts of a step, as functions of tensors. Each gives its caller the tensors of its result. */
export interface StepFunctions<Batch> {
  /** Loss and gradients times the share, added to the former ones. */
  differentiate(given: MicroBatch<Batch>): LossAndGradients;
  /** The same for the last micro-batch, with gradients ready for the optimiser. */
  conclude(given: MicroBatch<Batch>): Concluded;
  /** What the objective makes of the point after an update. */
  follow(given: AfterStep): After;
  /** All of that, with the update in between. */
  concludeAndMove(tensors: Parameters, scalars: Scalars, given: MicroBatch<Batch>): Move;
}

/** What the objective's `afterStep` makes of a step, checked. Tensors that it passes through are copied. */
function followStep(objective: Objective<never>, given: AfterStep): After {
  if (objective.afterStep === undefined) return { state: cloneParameters(given.state), changed: new Map() };
  const { state, parameters = new Map<string, Tensor>() } = objective.afterStep(given);
  checkSameStructure("train: objective.afterStep", given.state, state);
  const changed = [...parameters].map(([name, tensor]) => {
    const { shape } = given.parameters.get(name) ?? {};
    if (`${shape}` === `${tensor.shape}`) return [name, tensor.clone()] as const;
    const expected = shape === undefined ? "which is no parameter" : `whose shape is [${shape}]`;
    throw new ShapeError({
      message: `train: objective.afterStep returned [${tensor.shape}] for "${name}", ${expected}; return parameters under their names`,
      name,
    });
  });
  return {
    state: new Map([...given.state.keys()].map((name) => [name, state.get(name)!.clone()])),
    changed: new Map(changed),
  };
}

/** The functions of an objective, where `randomAt` makes randomness of a key. */
export function stepFunctions<Batch>(
  objective: Objective<Batch>,
  { optimiser, clipNorm }: { readonly optimiser: Optimiser; readonly clipNorm?: number | undefined },
  randomAt: (key: Tensor1D) => Random,
): StepFunctions<Batch> {
  function differentiate({
    parameters,
    state,
    scalars,
    batch,
    key,
    share,
    former,
  }: MicroBatch<Batch>): LossAndGradients {
    const context: LossContext = {
      random: randomAt(key),
      training: true,
      ...(objective.state && { state }),
      ...(objective.scalars && { scalars }),
    };
    // The share is a factor on the loss, from where it reaches every gradient.
    const { value, gradients } = valueAndGradients((at) => {
      const loss = objective.loss(at, batch, context);
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
  function conclude(given: MicroBatch<Batch>): Concluded {
    const { loss, gradients } = differentiate(given);
    const numbers = reshape(loss, [1]) as Tensor1D;
    if (clipNorm === undefined) return { gradients, numbers };
    const clipped = clipGradients(gradients, clipNorm);
    return { gradients: clipped.gradients, numbers: concat([numbers, reshape(clipped.norm, [1]) as Tensor1D]) };
  }
  return {
    differentiate: (given) => tidyTrees(() => differentiate(given)),
    conclude: (given) => tidyTrees(() => conclude(given)),
    follow: (given) => tidyTrees(() => followStep(objective, given)),
    concludeAndMove: (tensors, values, given) =>
      tidyTrees(() => {
        const { parameters, state, scalars } = given;
        const { gradients, numbers } = conclude(given);
        const moved = optimiser.move(gradients, tensors, parameters, values);
        const after = followStep(objective, { state, parameters: moved.parameters, gradients, scalars });
        return { ...moved, parameters: overlay(moved.parameters, after.changed), state: after.state, numbers };
      }),
  };
}

/** A tree with some of its tensors replaced, in its own order. */
export const overlay = (tree: Parameters, changed: Parameters): Map<string, Tensor> =>
  new Map([...tree].map(([name, tensor]) => [name, changed.get(name) ?? tensor]));
