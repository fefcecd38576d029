import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import { deriveKey, type Key, word } from "./bits.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";
import { type FillMask, loadMaskModule } from "./mask-module.ts";

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

const FULL = 65536;

/** `maskValues` in plain JavaScript, for hosts without vector instructions, and what those are tested against. */
export const plainMaskValues: FillMask = (mask, key, threshold, kept) => {
  const [bitsOfKept] = new Int32Array(Float32Array.of(kept).buffer) as unknown as [number];
  const values = new Int32Array(mask.buffer, mask.byteOffset, mask.length);
  const highest = threshold - 1; // the last draw that is dropped
  // A comparison would be a branch that is guessed wrong at every dropped value: the sign of a difference is none.
  for (let i = 0; i < values.length; i += 2) {
    const bits = word(key, i >>> 1);
    values[i] = ((highest - (bits & 0xffff)) >> 31) & bitsOfKept;
    values[i + 1] = ((highest - (bits >>> 16)) >> 31) & bitsOfKept; // beyond the end nothing is written
  }
};

let fillMask: FillMask | undefined;

/**
 * A dropout mask: `count` values that are 0 with probability `rate` and `1 / (1 − rate)` otherwise.
 *
 * Two draws of 16 bits come from each word of the key's stream, the lower half first. Vector instructions make some 1,000
 * million of them a second, many times as many as integer operators in a graph do, so that every backend uses this very
 * function.
 *
 * @param rate - Share of zeros, from 0 up to but without 1, taken in steps of 1/65536.
 */
export function maskValues(key: Key, count: number, rate: number): Float32Array {
  fillMask ??= loadMaskModule() ?? plainMaskValues;
  const threshold = Math.min(Math.round(rate * FULL), FULL - 1);
  const mask = new Float32Array(count);
  fillMask(mask, key, threshold, 1 / (1 - threshold / FULL));
  return mask;
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
