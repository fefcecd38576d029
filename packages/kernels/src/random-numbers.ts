/**
 * Numbers of a key's stream, uniform and normal, in plain JavaScript: logarithms and sines differ between runtimes in their
 * last bits, so every backend takes them from here.
 */
import { tensor } from "@tensorflow/tfjs-core";
import { type Key, word } from "./bits.ts";
import { type CustomKernel, defineKernel } from "./custom-kernel.ts";
import type { RandomMaskInputs } from "./random-mask.ts";

/** `count` numbers, uniform on [0, 1). */
export function uniforms(key: Key, count: number): Float64Array {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = word(key, i) / 2 ** 32;
  return values;
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

/** `count` numbers, standard normal. */
export function normals(key: Key, count: number): Float64Array {
  const values = new Float64Array(count);
  fillNormals(key, 0, values);
  return values;
}

/** `count` of the normals of the same key, without those beyond two deviations. */
function truncatedNormals(key: Key, count: number): Float64Array {
  const values = new Float64Array(count);
  const some = new Float64Array(256);
  for (let filled = 0, from = 0; filled < count; from += some.length) {
    fillNormals(key, from, some);
    for (const value of some) if (Math.abs(value) <= 2 && filled < count) values[filled++] = value;
  }
  return values;
}

/** From [0, 1) to [low, high) as float32: what rounds up to `high` starts again at `low`. */
function stretch(value: number, low: number, high: number): number {
  const float = Math.fround(low + (high - low) * value);
  return float < high ? float : low;
}

/** Which numbers: uniform on [low, high), normal, or normal and redrawn outside two deviations. */
export type Distribution =
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "normal" | "truncatedNormal"; readonly mean: number; readonly deviation: number };

/** Attributes of `RandomNumbers`. */
export interface RandomNumbersAttributes {
  readonly shape: readonly number[];
  readonly distribution: Distribution;
}

/** The first `count` numbers of a key's stream, in float32. */
export function randomNumbers(key: Key, count: number, distribution: Distribution): Float32Array {
  const floats = new Float32Array(count);
  if (distribution.kind === "uniform") {
    const { low, high } = distribution;
    const values = uniforms(key, count);
    for (let i = 0; i < count; i++) floats[i] = stretch(values[i]!, low, high);
    return floats;
  }
  const { mean, deviation } = distribution;
  const values = distribution.kind === "normal" ? normals(key, count) : truncatedNormals(key, count);
  for (let i = 0; i < count; i++) floats[i] = mean + deviation * values[i]!;
  return floats;
}

/** Random numbers of the given shape, float32, the same on every backend. Without gradient. */
export const randomNumbersKernel: CustomKernel = defineKernel<RandomMaskInputs, RandomNumbersAttributes>(
  "RandomNumbers",
  ({ key }, { shape, distribution }) => {
    const [high, low] = key.dataSync() as Int32Array;
    const count = shape.reduce((size, dimension) => size * dimension, 1);
    return tensor(randomNumbers([high! >>> 0, low! >>> 0], count, distribution), [...shape], "float32");
  },
);
