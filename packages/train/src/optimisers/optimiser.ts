import type { JsonObject } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import { type Tensor, tensor1d } from "@tensorflow/tfjs-core";
import type { Schedule } from "../schedules.ts";

/** What an optimiser remembers. */
export interface OptimiserState {
  /** Updates made. */
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
export interface DonateOptions {
  /** Whether its memory may be taken for the new point: it is not read any more. @default false */
  readonly donate?: boolean;
}

/**
 * A pair of pure functions, `init` and `update`, what `update` is made of, and what there is to know about them. `chain`
 * makes one of a few lines.
 */
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
  /**
   * All that differs between two steps besides tensors: numbers by name.
   *
   * @param step - Updates made, this one included.
   * @param learningRate - The rate, before the factors of groups. @default the schedule's at `step`
   */
  scalars(step: number, parameters: Parameters, learningRate?: number): Readonly<Record<string, number>>;
  /**
   * What `update` does, on tensors alone. Inputs are not disposed; the caller owns every tensor of the result.
   *
   * @param tensors - The state's.
   * @param scalars - `scalars` of this step, as tensors of shape [1].
   * @throws {ShapeError} When the gradients or the state belong to other parameters.
   */
  move(
    gradients: Parameters,
    tensors: Parameters,
    parameters: Parameters,
    scalars: Readonly<Record<string, Tensor>>,
    options?: DonateOptions,
  ): OptimiserMove;
  /** Whether `move` makes use of `donate`: with many parameters that saves memory and time. @default false */
  readonly donates?: boolean;
  /** Its kind and settings as JSON: two optimisers of equal descriptions and learning rates take equal steps. */
  describe(parameters: Parameters): JsonObject;
}

/** Numbers as tensors of shape [1], which no backend takes for constants. The caller owns them. */
export function toTensors(numbers: Readonly<Record<string, number>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, tensor1d([value])]));
}

/** The entries of a record or a map whose names begin with `<prefix>/`, under the rest of their names. */
export function entriesUnder<Value>(prefix: string, entries: Iterable<readonly [string, Value]>): [string, Value][] {
  const start = `${prefix}/`;
  return [...entries].flatMap(([name, value]): [string, Value][] =>
    name.startsWith(start) ? [[name.slice(start.length), value]] : [],
  );
}
