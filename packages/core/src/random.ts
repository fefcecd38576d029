/**
 * Seeded randomness as a value: a `Random` is a key that never changes. The same call on the same key gives the same
 * numbers, on every backend and machine; new numbers come from a new key, `random.at("label")`. So a run's state of
 * randomness is its seed and a step number, and nothing has to be saved.
 */

import { ConfigError } from "@cambium/base";
import {
  type Distribution,
  deriveKey,
  deriveKeyKernel,
  type Key,
  normals,
  randomBits,
  randomNumbers,
  randomNumbersKernel,
  uniforms,
  word,
} from "@cambium/kernels";
import { type Tensor, type Tensor1D, tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
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
 * Randomness inside a compiled function: keys and tensors follow from `key`, a tensor, so that a replay draws again from
 * each key it is given. Arrays of numbers come from `host`; a replay could not draw them, so `onHostDraw` reports it.
 *
 * @param key - int32 `[2]`, the tensor of `host`. Not disposed of.
 * @param host - The same key on the host.
 * @param onHostDraw - Called whenever a number of `host` is used: its seed, path or key, or an array drawn from it.
 */
export function randomOf(key: Tensor1D, host: Random, onHostDraw: () => void): Random {
  const onHost = (here: Random): Random => {
    onHostDraw();
    return here;
  };
  const keyAt = (labels: readonly (string | number)[]): Tensor1D =>
    labels.length === 0 ? key.clone() : runCustomKernel<Tensor1D>(deriveKeyKernel, { key }, { path: [...labels] });
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
    ...tensorDraws((shape, distribution) =>
      tidy(() =>
        runCustomKernel<Tensor>(randomNumbersKernel, { key: keyAt(labels) }, { shape: [...shape], distribution }),
      ),
    ),
    tensor: () => keyAt(labels),
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

/** `uniform`, `normal` and `truncatedNormal`, by whatever makes a tensor of a distribution. */
function tensorDraws(
  draw: (shape: readonly number[], distribution: Distribution) => Tensor,
): Pick<Random, "uniform" | "normal" | "truncatedNormal"> {
  return {
    uniform: (shape, low = 0, high = 1) => draw(shape, { kind: "uniform", low, high }),
    normal: (shape, mean = 0, deviation = 1) => draw(shape, { kind: "normal", mean, deviation }),
    truncatedNormal: (shape, mean = 0, deviation = 1) => draw(shape, { kind: "truncatedNormal", mean, deviation }),
  };
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
    ...tensorDraws((shape, distribution) =>
      tensor(randomNumbers(key, sizeOf(shape), distribution), [...shape], "float32"),
    ),
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
