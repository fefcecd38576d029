import { fill, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { Parameters } from "./parameters.ts";
import type { Random } from "./random.ts";

/** How a tensor's values start. */
export type Start =
  /** One number everywhere. */
  | { readonly kind: "constant"; readonly value: number }
  /** On [low, high). */
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  /** `truncated` draws again beyond two deviations. */
  | { readonly kind: "normal"; readonly deviation: number; readonly truncated?: boolean }
  /** A function of some weights of the base model, which it does not dispose of. The caller owns what it returns. */
  | {
      readonly kind: "weights";
      readonly names: readonly string[];
      make(weights: Parameters, random: Random): Tensor;
    }
  /** Values that are there already, such as a mask that was made from data. The caller owns what `make` returns. */
  | { readonly kind: "given"; make(): Tensor };

/** A tensor before it is made: enough to count, and to check a file against. */
export interface TensorSpec {
  readonly shape: readonly number[];
  /** @default "float32" */
  readonly dtype?: "float32" | "int32";
  readonly start: Start;
}

/** The start of a tensor of zeros. */
export const zeroStart: Start = { kind: "constant", value: 0 };

/** The start of a tensor of ones. */
export const oneStart: Start = { kind: "constant", value: 1 };

/** Number of scalars of a shape. */
export function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

/**
 * A tensor at its start. The caller owns it.
 *
 * @param random - Its own key.
 * @param weights - The base model's, for a start that is a function of them.
 */
export function startTensor(
  { shape, dtype = "float32", start }: TensorSpec,
  random: Random,
  weights: Parameters,
): Tensor {
  switch (start.kind) {
    case "constant":
      return fill([...shape], start.value, dtype);
    case "uniform":
      return random.uniform(shape, start.low, start.high);
    case "normal":
      return start.truncated === true
        ? random.truncatedNormal(shape, 0, start.deviation)
        : random.normal(shape, 0, start.deviation);
    case "weights":
      return tidy(() => start.make(new Map(start.names.map((name) => [name, weights.get(name)!])), random));
    case "given":
      return tidy(() => start.make());
  }
}

/** Tensors at their starts, each from the key of its name. The caller owns them. */
export function startTensors(
  specs: ReadonlyMap<string, TensorSpec>,
  random: Random,
  weights: Parameters = new Map(),
): Map<string, Tensor> {
  return new Map([...specs].map(([name, spec]) => [name, startTensor(spec, random.at(name), weights)]));
}
