/**
 * Tensors as plain numbers: what kernels are checked against, computed in float64 by the definitions, and random ones of
 * every rank, type and oddity.
 */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import "../index.ts";

/** A tensor in plain numbers. */
export interface Plain {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly data: readonly number[];
  /** What rounding errors are measured against, where it is not the element: for sums the sum of absolute terms. */
  readonly magnitudes?: readonly number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dimension) => size * dimension, 1);

/** Every index of a shape, in row-major order. */
export function indicesOf(shape: readonly number[]): number[][] {
  return Array.from({ length: sizeOf(shape) }, (_, position) => {
    const index: number[] = [];
    let rest = position;
    for (const dimension of shape.toReversed()) {
      index.unshift(rest % dimension);
      rest = Math.floor(rest / dimension);
    }
    return index;
  });
}

/** The element at an index; axes that are missing in front, or of length 1, are broadcast. */
export function at({ shape, data }: Plain, index: readonly number[]): number {
  const own = index.slice(index.length - shape.length);
  return data[
    shape.reduce((position, dimension, axis) => position * dimension + (dimension === 1 ? 0 : own[axis]!), 0)
  ]!;
}

/** A tensor whose elements are given by their index. */
export function build(
  shape: readonly number[],
  dtype: Plain["dtype"],
  element: (index: readonly number[]) => number,
): Plain {
  return { shape, dtype, data: indicesOf(shape).map(element) };
}

/** A sum, and what its rounding errors are measured against. */
export function buildSums(
  shape: readonly number[],
  dtype: Plain["dtype"],
  terms: (index: readonly number[]) => readonly number[],
): Plain {
  const all = indicesOf(shape).map(terms);
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  return { shape, dtype, data: all.map(sum), magnitudes: all.map((list) => sum(list.map(Math.abs))) };
}

/** The shape that two shapes are broadcast to. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a.at(axis - rank) ?? 1, b.at(axis - rank) ?? 1];
    return left === 1 ? right : left;
  });
}

/** An element as a tensor of the type holds it. */
function held(element: number, dtype: Plain["dtype"]): number {
  if (dtype === "float32") return Math.fround(element);
  return dtype === "int32" ? element | 0 : Number(element !== 0);
}

/** Where a result differs from what was expected, in words. */
export function differenceOf(
  name: string,
  actual: Plain,
  expected: Plain,
  { relative = 2e-6, absolute = 1e-6 }: Tolerance = {},
): string | undefined {
  if (`${actual.shape}` !== `${expected.shape}` || actual.dtype !== expected.dtype)
    return `${name}: ${actual.dtype} [${actual.shape}] in place of ${expected.dtype} [${expected.shape}]`;
  for (const [i, element] of actual.data.entries()) {
    const wanted = held(expected.data[i]!, expected.dtype);
    if (Object.is(element, wanted) || element === wanted) continue;
    const size = Math.max(Math.abs(wanted), expected.magnitudes?.[i] ?? 0);
    const allowed = expected.dtype === "float32" ? absolute + relative * size : 0;
    if (Math.abs(element - wanted) <= allowed) continue;
    return `${name}: element ${i} of [${expected.shape}] is ${element}, not ${wanted}`;
  }
  return undefined;
}

/** How far an element may lie from its reference: `absolute + relative · magnitude`. */
export interface Tolerance {
  readonly relative?: number;
  readonly absolute?: number;
}

/** An operation of tfjs and its definition. */
export interface Case {
  readonly run: (...tensors: never[]) => tf.Tensor;
  readonly define: (...plains: never[]) => Plain;
  readonly tolerance?: Tolerance;
}

/** Cases by name. */
export type Cases = Readonly<Record<string, Case>>;

/** Runs every case on the ONNX backend in one graph, and compares each with its definition. */
export function compare(cases: Cases, inputs: readonly Plain[]): void {
  const differences = tf.tidy(() => {
    const tensors = inputs.map(({ data, shape, dtype }) => tf.tensor([...data], [...shape], dtype)) as never[];
    const results = Object.entries(cases).map(([name, { run }]) => [name, run(...tensors)] as const);
    return results.map(([name, tensor]) => {
      const { define, tolerance } = cases[name]!;
      const actual = { shape: tensor.shape, dtype: tensor.dtype as Plain["dtype"], data: [...tensor.dataSync()] };
      return differenceOf(name, actual, define(...(inputs as unknown as never[])), tolerance);
    });
  });
  const found = differences.filter((difference) => difference !== undefined);
  if (found.length > 0)
    throw new Error(
      `${found.join("\n")}\ninputs: ${inputs.map(({ dtype, shape, data }) => `${dtype} [${shape}] ${data.slice(0, 40)}`).join("; ")}`,
    );
}

/** Random shapes of rank 0 to 6, up to a few hundred elements; `empty` allows axes of length 0. */
export function shapes({ minRank = 0, maxRank = 6, empty = true } = {}): fc.Arbitrary<number[]> {
  const small = fc.array(fc.integer({ min: empty ? 0 : 1, max: 3 }), { minLength: minRank, maxLength: maxRank });
  // Long enough for vectorised loops and their remainders.
  const long = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: Math.max(minRank, 1), maxLength: 1 });
  return minRank <= 1 && maxRank >= 1
    ? fc.oneof({ weight: 3, arbitrary: small }, { weight: 1, arbitrary: long })
    : small;
}

const oddities = [Number.NaN, Infinity, -Infinity, 0, -0, 0.5, -0.5, 1.5, -1.5, 2.5, 1e30, -1e30, 1e-30];

/** Random float32 numbers between two limits; `odd` mixes in NaN, infinities, halves and extremes. */
export function floats({ low = -4, high = 4, odd = true } = {}): fc.Arbitrary<number> {
  const usual = fc.double({ min: low, max: high, noNaN: true }).map(Math.fround);
  if (!odd) return usual;
  return fc.oneof(
    { weight: 4, arbitrary: usual },
    { weight: 1, arbitrary: fc.constantFrom(...oddities.map(Math.fround)) },
  );
}

/** Random elements of a type. */
export function elements(dtype: Plain["dtype"], odd = true): fc.Arbitrary<number> {
  if (dtype === "float32") return floats({ odd });
  return dtype === "int32" ? fc.integer({ min: -9, max: 9 }) : fc.integer({ min: 0, max: 1 });
}

/** Random tensors of a shape. */
export function plains(
  shape: readonly number[],
  dtype: Plain["dtype"] = "float32",
  element: fc.Arbitrary<number> = elements(dtype),
): fc.Arbitrary<Plain> {
  const size = sizeOf(shape);
  return fc.array(element, { minLength: size, maxLength: size }).map((data) => ({ shape, dtype, data }));
}

/** Two shapes that broadcast against each other. */
export function broadcastable({ empty = true } = {}): fc.Arbitrary<[number[], number[]]> {
  return shapes({ empty }).chain((shape) => {
    const part = fc
      .tuple(fc.integer({ min: 0, max: shape.length }), fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }))
      .map(([from, ones]) => shape.slice(from).map((dimension, axis) => (ones[axis] ? 1 : dimension)));
    return fc.tuple(part, part);
  });
}

/** Runs a property on fixed seeds. */
export function holds<T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void, numRuns = 60): void {
  fc.assert(fc.property(arbitrary, property), { seed: 20, numRuns, endOnFailure: true });
}
