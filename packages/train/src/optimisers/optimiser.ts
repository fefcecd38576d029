/**
 * What an optimiser is, and how one is made from a rule for a single parameter.
 *
 * A rule names its slots (tensors remembered from step to step) and its scalars (numbers that may differ at every step),
 * and says how one step moves one parameter. Scalars reach it as tensors of shape [1], made once per step and setting, so
 * that a graph traced from one step has the structure of the next.
 */
import { type JsonObject, ShapeError } from "@cambium/base";
import { checkSameStructure, type Parameters } from "@cambium/core";
import { reshape, type Tensor, tensor1d, zeros } from "@tensorflow/tfjs-core";
import { rateAt, type Schedule } from "../schedules.ts";
import { tidyTrees } from "../tensors.ts";
import { checkGroups, type ParameterGroup, type Setting, settingsOf } from "./groups.ts";

/** What an optimiser remembers. */
export interface OptimiserState {
  /** Steps taken. */
  readonly step: number;
  /** Tensors by `<slot>/<parameter>`. */
  readonly tensors: Parameters;
}

/** A new point and the slots there. */
export interface OptimiserMove {
  readonly parameters: Map<string, Tensor>;
  /** Tensors by `<slot>/<parameter>`. */
  readonly tensors: Map<string, Tensor>;
}

/** A new point and what to remember there. */
export interface OptimiserUpdate {
  readonly parameters: Map<string, Tensor>;
  readonly state: OptimiserState;
}

/** What becomes of the point that a move leaves. */
export interface ConsumeOptions {
  /** Whether it is not needed any more. @default false */
  readonly consume?: boolean;
}

/** A pair of pure functions, `init` and `update`, what `update` is made of, and what there is to know about them. */
export interface Optimiser {
  /** The rate of each step, before the factors of groups. */
  readonly learningRate: Schedule;
  /**
   * The state before the first step. The caller owns its tensors.
   *
   * @throws {ConfigError} When a group matches no parameter.
   */
  init(parameters: Parameters): OptimiserState;
  /**
   * The point and the state after one more step. Inputs are not disposed; the caller owns every tensor of the result.
   *
   * @throws {ShapeError} When the gradients or the state belong to other parameters.
   */
  update(gradients: Parameters, state: OptimiserState, parameters: Parameters): OptimiserUpdate;
  /** All that differs between two steps besides tensors: numbers by name. Steps are counted from 1. */
  scalars(step: number, parameters: Parameters): Readonly<Record<string, number>>;
  /**
   * What `update` does to tensors, as a function of tensors alone, so that it can be compiled. `scalars` are those of the
   * step, each of shape [1]. The caller owns the result.
   *
   * @param options - `consume`: parameters and state are not read any more, and a rule that can may take their memory.
   * @throws {ShapeError} When the gradients or the state belong to other parameters.
   */
  move(
    gradients: Parameters,
    tensors: Parameters,
    parameters: Parameters,
    scalars: Readonly<Record<string, Tensor>>,
    options?: ConsumeOptions,
  ): OptimiserMove;
  /** Whether `move` makes use of `consume`: with many parameters that saves memory and time. @default false */
  readonly consumes?: boolean;
  /** Its kind and settings as JSON: two optimisers of equal descriptions take equal steps. */
  describe(parameters: Parameters): JsonObject;
}

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
  readonly consumes?: boolean;
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
    setting: Setting & Required<ConsumeOptions>,
  ): { readonly parameter: Tensor; readonly slots: Slots<Slot> };
}

/** Steps at which schedules are compared. */
const sampledSteps = Array.from({ length: 21 }, (_, i) => 2 ** i);

/** Entries of a record whose optional values are there. */
const present = <Value>(record: { readonly [key: string]: Value | undefined }): [string, Value][] =>
  Object.entries(record).filter((entry): entry is [string, Value] => entry[1] !== undefined);

/** Shapes as a rule sees them: broadcasting against shape [1] would change rank 0. */
const shapeInRule = (shape: readonly number[]): readonly number[] => (shape.length === 0 ? [1] : shape);

/** Numbers as tensors of shape [1], which no backend takes for constants. The caller owns them. */
export function toTensors(numbers: Readonly<Record<string, number>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, tensor1d([value])]));
}

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

  /** What a scalar is called among those of all settings. */
  const scalarName = (setting: number, scalar: string): string => `${setting}/${scalar}`;

  function scalars(step: number, parameters: Parameters): Record<string, number> {
    const rate = rateAt(kind, learningRate, step);
    const settings = distinct(settingsOf(parameters, groups, rule.weightDecay));
    return Object.fromEntries(
      settings.flatMap(({ learningRateFactor, weightDecay }, i) =>
        present<number>(rule.scalars(step, rate * learningRateFactor, weightDecay)).map(([name, value]) => [
          scalarName(i, name),
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
    { consume = false }: ConsumeOptions = {},
  ): OptimiserMove {
    checkSameStructure(kind, gradients, parameters);
    const settings = settingsOf(parameters, groups, rule.weightDecay);
    const scalarsOf = new Map(
      distinct(settings).map((setting, i) => {
        const prefix = scalarName(i, "");
        const own = Object.entries(values).filter(([name]) => name.startsWith(prefix));
        return [
          setting,
          Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value])) as Record<Scalar, Tensor>,
        ];
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
          consume,
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
    consumes: rule.consumes === true,
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
        learningRate: Object.fromEntries(sampledSteps.map((step) => [`step ${step}`, learningRate(step)])),
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
