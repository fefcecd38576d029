/** A traced model beside its function, at sizes that were not traced. */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { type HostArray, sizeOf } from "../graph.ts";
import { loadNativeRuntime } from "../native.ts";
import { defaultThreads } from "../threads.ts";
import { dtypeOf, type OnnxInput, shapeAt } from "./inputs.ts";
import type { Sizes } from "./polynomial.ts";
import type { NamedFunction } from "./record.ts";

/** A comparison of model and function. */
export interface Checked {
  readonly sizes: Sizes;
  /** The largest difference, as a fraction of the largest element of its output or of 1. */
  readonly difference: number;
}

/** Elements for a check, the same in every run. */
function sampleOf({ type, sample }: OnnxInput, shape: readonly number[]): HostArray {
  const count = sizeOf(shape);
  const values =
    sample?.(shape) ?? Array.from({ length: count }, (_, i) => (type === "float32" ? Math.sin(i * 1.7) : i % 2));
  if (type === "float32") return Float32Array.from(values);
  return type === "int32" ? Int32Array.from(values) : BigInt64Array.from(Array.from(values), BigInt);
}

/** The largest difference between what the function and the model make, as a fraction of the largest element or of 1. */
function differenceBetween(a: ArrayLike<number>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, scale] = [0, 1];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, Number(b[i]!)];
    if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
    if (Object.is(x, y)) continue;
    // What is not a number on one side only is no small difference.
    difference = Math.max(difference, Number.isFinite(x - y) ? Math.abs(x - y) : Number.POSITIVE_INFINITY);
  }
  return difference / scale;
}

/**
 * Runs model and function beside each other.
 *
 * @param outputs - Names of what comes out.
 */
export function compare(
  run: NamedFunction,
  model: Uint8Array,
  inputs: Readonly<Record<string, OnnxInput>>,
  outputs: readonly string[],
  sizes: readonly Sizes[],
): readonly Checked[] {
  const runtime = loadNativeRuntime();
  const session = runtime.createSession(model, { threads: defaultThreads(), spinning: false, fastMath: false });

  function differenceAt(each: Sizes): number {
    const samples = Object.entries(inputs).map(([name, input]) => {
      const shape = shapeAt(input.shape, each);
      return { name, input, shape, data: sampleOf(input, shape) };
    });
    const tensors = samples.map(({ name, input, shape, data }) => [
      name,
      tensor(Array.from(data as ArrayLike<number>, Number), shape, dtypeOf(input)),
    ]);
    const feeds = samples.map(({ name, input, shape, data }) => [name, runtime.createTensor(input.type, data, shape)]);
    const expected = run(Object.fromEntries(tensors));
    const fetches = Object.fromEntries(outputs.map((name) => [name, null]));
    const results = session.run(Object.fromEntries(feeds), fetches);
    const differences = outputs.map((name) => {
      const { dims, data } = results[name]!;
      if (dims.join() !== expected[name]!.shape.join()) return Number.POSITIVE_INFINITY;
      return differenceBetween(expected[name]!.dataSync(), data as ArrayLike<number>);
    });
    return Math.max(...differences);
  }

  try {
    return sizes.map((each) => ({ sizes: each, difference: tidy(() => differenceAt(each)) }));
  } finally {
    session.dispose();
  }
}
