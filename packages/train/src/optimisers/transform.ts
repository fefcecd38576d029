import { type JsonObject, ShapeError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { reshape, type Tensor, zeros } from "@tensorflow/tfjs-core";
import type { Schedule } from "../schedules.ts";

/** What a transform may read besides the updates. */
export interface TransformInputs {
  readonly parameters: Parameters;
  /** What it returned at the last step, or made in `init`. */
  readonly tensors: Parameters;
  /** Its `scalars` of this step, of shape [1]. */
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** One part of a `chain`: what becomes of gradients on their way to the parameters. Pure functions. */
export interface Transform {
  readonly kind: string;
  /** Where it scales by a learning rate: that rate. One part of a chain does. */
  readonly learningRate?: Schedule;
  /** Tensors that it remembers, before the first step. The caller owns them. @default none */
  init?(parameters: Parameters): Parameters;
  /**
   * All that differs between two steps besides tensors, by name.
   *
   * @param step - Updates made, this one included.
   * @param learningRate - The rate of this step.
   */
  scalars?(step: number, parameters: Parameters, learningRate: number): Readonly<Record<string, number>>;
  /** Other updates under the same names and of the same shapes, and what to remember. Reads no values: it is replayed. */
  update(updates: Parameters, given: TransformInputs): { readonly updates: Parameters; readonly tensors?: Parameters };
  /** Its settings as JSON. A run whose settings changed does not resume from a checkpoint. */
  describe(parameters: Parameters): JsonObject;
}

/** What `perParameter` makes a transform of. */
export interface ParameterTransform<Slot extends string, Scalar extends string> {
  readonly kind: string;
  /** Every number that `update` depends on. A run whose settings changed does not resume from a checkpoint. */
  readonly config: JsonObject;
  /** Tensors of the parameter's shape that are remembered from step to step; they begin as zeros. @default none */
  readonly slots?: readonly Slot[];
  /** Numbers that differ from step to step. `step` counts from 1. @default none */
  scalars?(step: number): Readonly<Record<Scalar, number>>;
  /** One parameter's update. No tensor has rank 0, scalars have shape [1]. */
  update(
    update: Tensor,
    given: {
      readonly parameter: Tensor;
      readonly slots: Readonly<Record<Slot, Tensor>>;
      readonly scalars: Readonly<Record<Scalar, Tensor>>;
    },
  ): Tensor | { readonly update: Tensor; readonly slots: Readonly<Record<Slot, Tensor>> };
}

/** Scalars of shape [1] would turn a tensor of rank 0 into one of rank 1. */
const widen = (tensor: Tensor): Tensor => (tensor.rank === 0 ? reshape(tensor, [1]) : tensor);

/**
 * A transform that treats every parameter alike and by itself.
 *
 * @example
 * const scaleByLion = (beta1 = 0.9, beta2 = 0.99) =>
 *   perParameter({
 *     kind: "scaleByLion",
 *     config: { beta1, beta2 },
 *     slots: ["momentum"],
 *     update: (gradient, { slots: { momentum } }) => ({
 *       update: sign(add(mul(momentum, beta1), mul(gradient, 1 - beta1))),
 *       slots: { momentum: add(mul(momentum, beta2), mul(gradient, 1 - beta2)) },
 *     }),
 *   });
 */
export function perParameter<Slot extends string = never, Scalar extends string = never>(
  rule: ParameterTransform<Slot, Scalar>,
): Transform {
  const { kind, config, slots = [] } = rule;
  const take = (tensors: Parameters, slot: Slot, name: string, shape: readonly number[]): Tensor => {
    const tensor = tensors.get(`${slot}/${name}`);
    if (tensor !== undefined && `${tensor.shape}` === `${shape}`) return widen(tensor);
    const found = tensor === undefined ? "is missing" : `has shape [${tensor.shape}] instead of [${shape}]`;
    throw new ShapeError({
      message: `${kind}: "${slot}/${name}" ${found}; does the state belong to other parameters?`,
    });
  };
  return {
    kind,
    init: (parameters) =>
      new Map(
        [...parameters].flatMap(([name, { shape }]) => slots.map((slot) => [`${slot}/${name}`, zeros(shape)] as const)),
      ),
    ...(rule.scalars && { scalars: (step) => rule.scalars!(step) }),
    update(updates, { parameters, tensors, scalars }) {
      const moved = new Map<string, Tensor>();
      const remembered = new Map<string, Tensor>();
      for (const [name, update] of updates) {
        const { shape } = update;
        const own = slots.map((slot) => [slot, take(tensors, slot, name, shape)] as const);
        const after = rule.update(widen(update), {
          parameter: widen(parameters.get(name)!),
          slots: Object.fromEntries(own) as Record<Slot, Tensor>,
          scalars: scalars as Record<Scalar, Tensor>,
        });
        const [next, kept] = "update" in after ? [after.update, after.slots] : [after, {}];
        moved.set(name, reshape(next, shape));
        for (const [slot, tensor] of Object.entries<Tensor>(kept))
          remembered.set(`${slot}/${name}`, reshape(tensor, shape));
      }
      return { updates: moved, tensors: remembered };
    },
    describe: () => config,
  };
}
