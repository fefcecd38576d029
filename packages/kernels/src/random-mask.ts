import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { deriveKey, type Key, word } from "./bits.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";

/** Tensor of `RandomMask`: `key` `[2]` int32, the halves of a `Key`. */
export interface RandomMaskInputs<T = Tensor> {
  readonly key: T;
}

/** Attributes of `RandomMask`. */
export interface RandomMaskAttributes {
  readonly shape: readonly number[];
  /** Share of zeros, from 0 up to but without 1, in steps of 1/65536. */
  readonly rate: number;
}

/**
 * A dropout mask: `count` values that are 0 with probability `rate` and `1 / (1 − rate)` otherwise.
 *
 * Two draws of 16 bits come from each word of the key's stream. Plain JavaScript makes some 400 million of them a second,
 * several times as many as integer operators in a graph do, so that every backend uses this very function. A comparison
 * would be a branch that is guessed wrong at every dropped value, so the float's bits are masked by the sign of a
 * difference instead, which halves the time.
 */
export function maskValues(key: Key, count: number, rate: number): Float32Array {
  const threshold = Math.round(rate * 65536);
  const [kept] = new Int32Array(Float32Array.of(1 / (1 - threshold / 65536)).buffer) as unknown as [number];
  const pairs = new Int32Array(2 * Math.ceil(count / 2));
  const highest = threshold - 1; // the last draw that is dropped
  for (let i = 0, next = 0; i < pairs.length; i += 2) {
    const bits = word(key, next++);
    pairs[i] = ((highest - (bits & 0xffff)) >> 31) & kept;
    pairs[i + 1] = ((highest - (bits >>> 16)) >> 31) & kept;
  }
  return new Float32Array(pairs.buffer, 0, count);
}

/** A dropout mask of the given shape, the same on every backend. */
export const randomMaskKernel: CustomKernel = defineKernel<RandomMaskInputs, RandomMaskAttributes>(
  "RandomMask",
  ({ key }, { shape, rate }) => {
    const [high, low] = key.dataSync() as Int32Array;
    const count = shape.reduce((size, dimension) => size * dimension, 1);
    return tensor(maskValues([high! >>> 0, low! >>> 0], count, rate), [...shape], "float32");
  },
);

/** Attributes of `DeriveKey`. */
export interface DeriveKeyAttributes {
  /** Labels, as `deriveKey` takes them one after the other. */
  readonly path: readonly (string | number)[];
}

/** The key `[2]` that labels lead to from another key. */
export const deriveKeyKernel: CustomKernel = defineKernel<RandomMaskInputs, DeriveKeyAttributes>(
  "DeriveKey",
  ({ key }, { path }) => {
    const [high, low] = key.dataSync() as Int32Array;
    const derived = path.reduce<Key>(deriveKey, [high! >>> 0, low! >>> 0]);
    return tensor(Int32Array.of(derived[0] | 0, derived[1] | 0), [2], "int32");
  },
);
