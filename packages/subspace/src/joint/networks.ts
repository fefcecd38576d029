/**
 * What a subspace is made of: for each method a decoder, coordinates to parameters, and perhaps an encoder, back. Both are pure in
 * their parameters, so that they are trained, stored and frozen alike.
 */
import { ConfigError, type Json } from "@cambium/base";
import { gelu, type Parameters, type Random } from "@cambium/core";
import {
  add,
  eye,
  leakyRelu,
  matMul,
  mul,
  reshape,
  scalar,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tanh,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import { disposeFastfood, drawFastfood, fastfoodProduct } from "../projection/fastfood.ts";

/** Standard deviation of every weight of the projections at their start, in the authors' code. */
export const START_DEVIATION = 0.02;

/** Coordinates to an offset of parameters. */
export interface Decoder {
  readonly kind: DecoderKind;
  /** At their start, or trained. */
  readonly parameters: Parameters;
  /** `[1, dimension]` to `[params]`. The caller owns it. */
  apply(parameters: Parameters, point: Tensor2D): Tensor1D;
  /** Its settings, from which `createDecoder` makes it again. */
  readonly settings: Json;
  /** Frees what is frozen in it. */
  dispose(): void;
}

/**
 * `linear`: `θ⁰ + U I`; `tanh`: `U tanh(V I)` without `θ⁰`; `fastfood`: `θ⁰ + P I` for a Fastfood matrix whose Gaussian diagonal is
 * trained, for methods with so many parameters that U would be too large, such as full fine-tuning.
 */
export type DecoderKind = "linear" | "tanh" | "fastfood";

/** How a decoder is made. */
export interface DecoderSettings {
  readonly kind: DecoderKind;
  /** Width of the hidden layer of `tanh`. @default dimension */
  readonly hidden?: number;
}

const KINDS: readonly DecoderKind[] = ["linear", "tanh", "fastfood"];

/** @throws {ConfigError} For settings that no decoder has. */
export function checkDecoder(caller: string, { kind, hidden, ...rest }: DecoderSettings): void {
  if (!KINDS.includes(kind))
    throw new ConfigError({ message: `${caller}: a decoder is ${KINDS.join(", ")}, got ${JSON.stringify(kind)}` });
  const unknown = Object.keys(rest);
  if (unknown.length > 0)
    throw new ConfigError({ message: `${caller}: a decoder has no "${unknown[0]}"; it has kind and hidden` });
  if (hidden !== undefined && kind !== "tanh")
    throw new ConfigError({ message: `${caller}: a ${kind} decoder has no hidden layer` });
  if (hidden !== undefined && !(Number.isInteger(hidden) && hidden > 0))
    throw new ConfigError({ message: `${caller}: hidden must be an integer from 1, got ${hidden}` });
}

/**
 * A decoder at its random start. The caller owns its parameters.
 *
 * @param random - Draws the start, and what is frozen: the same key gives the same decoder.
 * @param start - θ⁰ as one vector, which `tanh` leaves out. Taken over.
 */
export function createDecoder(
  { kind, hidden }: DecoderSettings,
  dimension: number,
  size: number,
  random: Random,
  start: Tensor1D,
): Decoder {
  const normal = (label: string, shape: readonly number[]): Tensor =>
    random.at(label).normal(shape, 0, START_DEVIATION);
  if (kind !== "tanh") start.dispose();
  if (kind === "linear")
    return {
      kind,
      parameters: new Map([["up", normal("up", [dimension, size])]]),
      apply: (at, point) => tidy(() => reshape(matMul(point, at.get("up") as Tensor2D), [size])),
      settings: { kind },
      dispose: () => undefined,
    };
  if (kind === "tanh") {
    const width = hidden ?? dimension;
    return {
      kind,
      parameters: new Map([
        ["across", normal("across", [dimension, width])],
        ["up", normal("up", [width, size])],
      ]),
      apply: (at, point) =>
        tidy(() => {
          const inner = tanh(matMul(point, at.get("across") as Tensor2D));
          return sub(reshape(matMul(inner, at.get("up") as Tensor2D), [size]), start) as Tensor1D;
        }),
      settings: { kind, hidden: width },
      dispose: () => start.dispose(),
    };
  }
  const drawn = drawFastfood(size, dimension, random);
  return {
    kind,
    parameters: new Map([["gaussians", drawn.gaussians.clone()]]),
    apply: (at, point) => fastfoodProduct(drawn, reshape(point, [dimension]), at.get("gaussians") as Tensor1D),
    settings: { kind, path: [...random.path], seed: random.seed },
    dispose: () => disposeFastfood(drawn),
  };
}

/** What an encoder bends its hidden layer with. */
export type Activation = "tanh" | "gelu" | "leaky-relu" | "linear";

const ACTIVATIONS: Readonly<Record<Activation, (x: Tensor) => Tensor>> = {
  tanh: (x) => tanh(x),
  gelu: (x) => gelu(x),
  "leaky-relu": (x) => leakyRelu(x, 0.01),
  linear: (x) => x,
};

/** @throws {ConfigError} For one that does not exist. */
export function checkActivation(caller: string, name: Activation): void {
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw new ConfigError({
      message: `${caller}: encoder must be ${Object.keys(ACTIVATIONS).join(", ")}, got ${JSON.stringify(name)}`,
    });
}

/** An encoder at its random start: `W₂ f(W₁ δ + b₁) + b₂`. The caller owns it. */
export function createEncoder(dimension: number, size: number, random: Random): Map<string, Tensor> {
  const normal = (label: string, shape: readonly number[]): Tensor =>
    random.at(label).normal(shape, 0, START_DEVIATION);
  return new Map([
    ["down", normal("down", [size, dimension])],
    ["bias", normal("bias", [dimension])],
    ["out", normal("out", [dimension, dimension])],
    ["outBias", normal("outBias", [dimension])],
  ]);
}

/**
 * An encoder that starts as the given linear map, as far as its activation is linear near zero. The caller owns it.
 *
 * @param down - `[params, dimension]`. Taken over.
 * @param largest - The largest coordinate that comes out.
 */
export function encoderOfMap(down: Tensor2D, largest: number, activation: Activation): Map<string, Tensor> {
  const dimension = down.shape[1];
  // Within 0.1 tanh is linear to 0.3 %; gelu is half of its input there, and leaky ReLU is moved to where it is linear.
  const small = activation === "linear" ? 1 : 0.1 / Math.max(largest, 1e-12);
  const shift = activation === "leaky-relu" || activation === "gelu" ? (activation === "gelu" ? 4 : 1) : 0;
  const identity = tidy(() => mul(eye(dimension), scalar(1 / small)));
  const made: [string, Tensor][] = [
    ["down", tidy(() => mul(down, scalar(small)))],
    ["bias", tidy(() => add(zeros([dimension]), scalar(shift)))],
    ["out", identity],
    ["outBias", tidy(() => add(zeros([dimension]), scalar(-shift / small)))],
  ];
  down.dispose();
  return new Map(made);
}

/** Coordinates of an offset, `[1, params]` to `[1, dimension]`. The caller owns it. */
export function encodeBy(parameters: Parameters, activation: Activation, row: Tensor2D): Tensor2D {
  return tidy(() => {
    const hidden = ACTIVATIONS[activation](
      add(matMul(row, parameters.get("down") as Tensor2D), parameters.get("bias")!),
    );
    return add(matMul(hidden as Tensor2D, parameters.get("out") as Tensor2D), parameters.get("outBias")!);
  });
}
