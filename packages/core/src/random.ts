/**
 * Seeded randomness as a value: a `Random` is a key that never changes. The same call on the same key gives the same
 * numbers, on every backend and machine; new numbers come from a new key, `random.at("label")`. So a run's state of
 * randomness is its seed and a step number, and nothing has to be saved.
 */

import { ConfigError } from "@cambium/base";
import { deriveKey, deriveKeyKernel, type Key, randomBits, word } from "@cambium/kernels";
import { type Tensor, type Tensor1D, tensor, tensor1d } from "@tensorflow/tfjs-core";
import { runCustomKernel } from "./ops/run-kernel.ts";

/** A key from which numbers and further keys are drawn. Immutable. */
export interface Random {
  /** The seed that the first key was made from. */
  readonly seed: number;
  /** Labels on the way from the seed to this key. */
  readonly path: readonly (string | number)[];
  /** The key itself. */
  readonly key: Key;
  /** The key for `label`, a string or an integer; unrelated to this one and to those of other labels. */
  at(label: string | number): Random;
  /** `count` numbers, uniform on [0, 1). */
  uniforms(count: number): Float64Array;
  /** `count` numbers, standard normal. */
  normals(count: number): Float64Array;
  /** `count` integers, uniform on 0 … `below` − 1. */
  integers(count: number, below: number): Uint32Array;
  /** A random order of 0 … `count` − 1. */
  permutation(count: number): Uint32Array;
  /** Float32 tensor, uniform on [low, high). The caller owns it. @default low 0, high 1 */
  uniform(shape: readonly number[], low?: number, high?: number): Tensor;
  /** Float32 tensor, normal. The caller owns it. @default mean 0, deviation 1 */
  normal(shape: readonly number[], mean?: number, deviation?: number): Tensor;
  /** Float32 tensor, normal, redrawn outside two deviations. The caller owns it. @default mean 0, deviation 1 */
  truncatedNormal(shape: readonly number[], mean?: number, deviation?: number): Tensor;
  /** The key as an int32 tensor `[2]`, for kernels that draw on the device. The caller owns it. */
  tensor(): Tensor1D;
}

/**
 * Randomness inside a compiled function: keys on the device follow from `key`, a tensor, so that a replay draws again from
 * each key it is given. Numbers on the host come from `host`; a replay could not draw them, so `onHostDraw` reports it.
 *
 * @param key - int32 `[2]`, the tensor of `host`. Not disposed of.
 * @param host - The same key on the host.
 * @param onHostDraw - Called whenever anything of `host` is used.
 */
export function randomOf(key: Tensor1D, host: Random, onHostDraw: () => void): Random {
  const onHost = (here: Random): Random => {
    onHostDraw();
    return here;
  };
  const from = (here: Random, labels: readonly (string | number)[]): Random => ({
    get seed() {
      return onHost(here).seed;
    },
    get path() {
      return onHost(here).path;
    },
    get key() {
      return onHost(here).key;
    },
    at: (label) => from(here.at(label), [...labels, label]),
    uniforms: (count) => onHost(here).uniforms(count),
    normals: (count) => onHost(here).normals(count),
    integers: (count, below) => onHost(here).integers(count, below),
    permutation: (count) => onHost(here).permutation(count),
    uniform: (...parameters) => onHost(here).uniform(...parameters),
    normal: (...parameters) => onHost(here).normal(...parameters),
    truncatedNormal: (...parameters) => onHost(here).truncatedNormal(...parameters),
    tensor: () =>
      labels.length === 0 ? key.clone() : runCustomKernel<Tensor1D>(deriveKeyKernel, { key }, { path: [...labels] }),
  });
  return from(host, []);
}

function checkLabel(label: string | number): string | number {
  if (typeof label === "number" && !Number.isSafeInteger(label)) {
    throw new ConfigError({
      message: `random.at: a label is a string or an integer, got ${label}; write "${label}" for a string`,
      label,
    });
  }
  return label;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dimension) => size * dimension, 1);

function toTensor(shape: readonly number[], values: Float64Array, from: (value: number) => number): Tensor {
  const floats = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) floats[i] = from(values[i]!);
  return tensor(floats, [...shape], "float32");
}

function uniforms(key: Key, count: number): Float64Array {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = word(key, i) / 2 ** 32;
  return values;
}

/** From [0, 1) to [low, high) as float32: what rounds up to `high` starts again at `low`. */
function stretch(value: number, low: number, high: number): number {
  const float = Math.fround(low + (high - low) * value);
  return float < high ? float : low;
}

/** Fills `values` with the normals of a key from number `from` on, an even one: Box and Muller's pairs of two words. */
function fillNormals(key: Key, from: number, values: Float64Array): void {
  for (let i = 0; i < values.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((word(key, from + i) + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * word(key, from + i + 1)) / 2 ** 32;
    values[i] = radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
  }
}

function normals(key: Key, count: number): Float64Array {
  const values = new Float64Array(count);
  fillNormals(key, 0, values);
  return values;
}

/** The normals of the same key without those beyond two deviations. */
function truncatedNormals(key: Key, count: number): Float64Array {
  const values = new Float64Array(count);
  const some = new Float64Array(256);
  for (let filled = 0, from = 0; filled < count; from += some.length) {
    fillNormals(key, from, some);
    for (const value of some) if (Math.abs(value) <= 2 && filled < count) values[filled++] = value;
  }
  return values;
}

function integers(key: Key, count: number, below: number): Uint32Array {
  if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
    throw new ConfigError({
      message: `random.integers: "below" must be an integer from 1 to 2^32, got ${below}`,
      below,
    });
  }
  const limit = 2 ** 32 - (2 ** 32 % below); // words past it would favour small integers
  const values = new Uint32Array(count);
  for (let i = 0, next = 0; i < count; i++) {
    let bits = word(key, next++);
    while (bits >= limit) bits = word(key, next++);
    values[i] = bits % below;
  }
  return values;
}

function permutation(key: Key, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const words = randomBits(key, count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((words[i]! / 2 ** 32) * (i + 1));
    const moved = order[i]!;
    order[i] = order[j]!;
    order[j] = moved;
  }
  return order;
}

function fromKey(seed: number, path: readonly (string | number)[], key: Key): Random {
  return {
    seed,
    path,
    key,
    at: (label) => fromKey(seed, [...path, label], deriveKey(key, checkLabel(label))),
    uniforms: (count) => uniforms(key, count),
    normals: (count) => normals(key, count),
    integers: (count, below) => integers(key, count, below),
    permutation: (count) => permutation(key, count),
    uniform: (shape, low = 0, high = 1) =>
      toTensor(shape, uniforms(key, sizeOf(shape)), (value) => stretch(value, low, high)),
    normal: (shape, mean = 0, deviation = 1) =>
      toTensor(shape, normals(key, sizeOf(shape)), (value) => mean + deviation * value),
    truncatedNormal: (shape, mean = 0, deviation = 1) =>
      toTensor(shape, truncatedNormals(key, sizeOf(shape)), (value) => mean + deviation * value),
    tensor: () => tensor1d(Int32Array.of(key[0] | 0, key[1] | 0), "int32"),
  };
}

/**
 * The first key of a seed.
 *
 * @param seed - An integer from 0 to 2^53 − 1.
 * @throws {ConfigError} When `seed` is no such integer.
 * @example
 * const noise = random(1).at("noise").normal([2, 3]);
 */
export function random(seed: number): Random {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new ConfigError({ message: `random: the seed must be an integer from 0 to 2^53 - 1, got ${seed}`, seed });
  return fromKey(seed, [], deriveKey([0x243f6a88, 0x85a308d3], seed));
}
