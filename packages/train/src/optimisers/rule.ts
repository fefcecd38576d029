/**
 * Optimisers made from a rule for a single parameter, which moves it in one operation where the backend can.
 *
 * A rule names its slots (tensors remembered from step to step) and its scalars (numbers that may differ at every step),
 * and says how one step moves one parameter. Scalars reach it as tensors of shape [1], made once per step and setting, so
 * that a graph traced from one step has the structure of the next.
 */
import { type JsonObject, ShapeError } from "@cambium/base";
import { checkSameStructure, type Parameters } from "@cambium/core";
import { reshape, type Tensor, zeros } from "@tensorflow/tfjs-core";
import { rateAt, type Schedule } from "../schedules.ts";
import { tidyTrees } from "../tensors.ts";
import { checkGroups, type ParameterGroup, type Setting, settingsOf } from "./groups.ts";
import { type DonateOptions, entriesUnder, type Optimiser, type OptimiserMove, toTensors } from "./optimiser.ts";

/** Tensors that a rule remembers about one parameter. */
export type Slots<Slot extends string> = { readonly [S in Slot]?: Tensor };

/** How an optimiser moves one parameter. */
export interface Rule<Slot extends string, Scalar extends string> {
  readonly kind: string;
  /** Numbers that never change, for the description. */
  readonly config: JsonObject;
  readonly learningRate: Schedule;
  readonly groups: readonly ParameterGroup[];
  readonly weightDecay: number;
  readonly donates?: boolean;
  /** Shapes of the slots of a parameter; they begin as zeros. */
  slots(shape: readonly number[]): { readonly [S in Slot]?: readonly number[] };
  /** Numbers of one step, counted from 1. */
  scalars(step: number, learningRate: number, weightDecay: number): Record<Scalar, number>;
  /** One step. `scalars` have shape [1]; no tensor has rank 0. */
  update(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots<Slot>,
    scalars: Readonly<Record<Scalar, Tensor>>,
    setting: Setting & Required<DonateOptions>,
  ): { readonly parameter: Tensor; readonly slots: Slots<Slot> };
}

/** Entries of a record whose optional values are there. */
const present = <Value>(record: { readonly [key: string]: Value | undefined }): [string, Value][] =>
  Object.entries(record).filter((entry): entry is [string, Value] => entry[1] !== undefined);

/** Shapes as a rule sees them: broadcasting against shape [1] would change rank 0. */
const shapeInRule = (shape: readonly number[]): readonly number[] => (shape.length === 0 ? [1] : shape);

/** The optimiser that applies a rule to every parameter. */
export function createOptimiser<Slot extends string, Scalar extends string>(rule: Rule<Slot, Scalar>): Optimiser {
  const { kind, groups, learningRate } = rule;

  function slotsOf(name: string, shape: readonly number[], tensors: Parameters): Slots<Slot> {
    return Object.fromEntries(
      present<readonly number[]>(rule.slots(shapeInRule(shape))).map(([slot, expected]) => {
        const tensor = tensors.get(`${slot}/${name}`);
        if (tensor === undefined || `${tensor.shape}` !== `${expected}`) {
          const found = tensor === undefined ? "is missing" : `has shape [${tensor.shape}] instead of [${expected}]`;
          throw new ShapeError({
            message: `${kind}: "${slot}/${name}" ${found}; does the state belong to other parameters?`,
            name,
          });
        }
        return [slot, tensor];
      }),
    ) as Slots<Slot>;
  }

  /** The settings of all parameters, without repetition. */
  const distinct = (settings: ReadonlyMap<string, Setting>): Setting[] => [...new Set(settings.values())];

  function scalars(
    step: number,
    parameters: Parameters,
    rate: number = rateAt(kind, learningRate, step),
  ): Record<string, number> {
    const settings = distinct(settingsOf(parameters, groups, rule.weightDecay));
    return Object.fromEntries(
      settings.flatMap(({ learningRateFactor, weightDecay }, i) =>
        present<number>(rule.scalars(step, rate * learningRateFactor, weightDecay)).map(([name, value]) => [
          `${i}/${name}`,
          value,
        ]),
      ),
    );
  }

  function move(
    gradients: Parameters,
    tensors: Parameters,
    parameters: Parameters,
    values: Readonly<Record<string, Tensor>>,
    { donate = false }: DonateOptions = {},
  ): OptimiserMove {
    checkSameStructure(kind, gradients, parameters);
    const settings = settingsOf(parameters, groups, rule.weightDecay);
    const scalarsOf = new Map(
      distinct(settings).map((setting, i) => {
        const own = entriesUnder(String(i), Object.entries(values));
        return [setting, Object.fromEntries(own) as Record<Scalar, Tensor>];
      }),
    );
    return tidyTrees(() => {
      const moved = new Map<string, Tensor>();
      const remembered = new Map<string, Tensor>();
      for (const [name, parameter] of parameters) {
        const { shape } = parameter;
        const setting = settings.get(name)!;
        const inRule = (tensor: Tensor): Tensor => (shape.length === 0 ? reshape(tensor, [1]) : tensor);
        const slots = slotsOf(name, shape, tensors);
        const after = rule.update(inRule(parameter), inRule(gradients.get(name)!), slots, scalarsOf.get(setting)!, {
          ...setting,
          donate,
        });
        moved.set(name, shape.length === 0 ? reshape(after.parameter, []) : after.parameter);
        for (const [slot, tensor] of present<Tensor>(after.slots)) remembered.set(`${slot}/${name}`, tensor);
      }
      return { parameters: moved, tensors: remembered };
    });
  }

  return {
    learningRate,
    init(parameters) {
      checkGroups(kind, parameters, groups);
      const tensors = new Map<string, Tensor>();
      for (const [name, { shape }] of parameters) {
        for (const [slot, size] of present<readonly number[]>(rule.slots(shapeInRule(shape))))
          tensors.set(`${slot}/${name}`, zeros([...size]));
      }
      return { step: 0, tensors };
    },
    scalars,
    move,
    donates: rule.donates === true,
    update(gradients, state, parameters) {
      const step = state.step + 1;
      return tidyTrees(() => {
        const moved = move(gradients, state.tensors, parameters, toTensors(scalars(step, parameters)));
        return { parameters: moved.parameters, state: { step, tensors: moved.tensors } };
      });
    },
    describe(parameters) {
      const settings = settingsOf(parameters, groups, rule.weightDecay);
      return {
        kind,
        ...rule.config,
        settings: Object.fromEntries(
          [...settings].map(([name, { learningRateFactor, weightDecay }]) => [
            name,
            { learningRateFactor, weightDecay },
          ]),
        ),
      };
    },
  };
}
