/**
 * Tensors that a function makes on the host and that depend on sizes only (positions, causal masks, buckets of distances) as
 * functions of their indices, found from their elements at some sizes.
 */
import { type HostArray, sizeOf } from "../graph.ts";
import { fitPolynomial, fixed, minus, type Polynomial, type Sizes } from "./polynomial.ts";

/** A sum of an index of each axis times something, and of something besides. */
export interface IndexSum {
  /** One for each axis. */
  readonly steps: readonly Polynomial[];
  readonly start: Polynomial;
}

/** What an element is, by its indices. */
export type Pattern =
  /** The same everywhere. */
  | { readonly kind: "uniform"; readonly element: number }
  /** The sum itself. */
  | { readonly kind: "sum"; readonly sum: IndexSum }
  /** What stands in a table at the sum, less `first`; beyond its ends, its last elements. */
  | { readonly kind: "table"; readonly sum: IndexSum; readonly first: number; readonly table: readonly number[] }
  /** The first rows of a larger tensor. */
  | { readonly kind: "rows"; readonly trace: number };

/** A tensor at one of the sizes. */
export interface Sample {
  readonly shape: readonly number[];
  readonly data: HostArray;
}

/** How far apart neighbours along each axis are. */
function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  for (let axis = shape.length - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

function uniformIn(samples: readonly Sample[]): Pattern | undefined {
  const element = Number(samples[0]!.data[0]);
  for (const { data } of samples)
    for (let i = 0; i < data.length; i++) if (!Object.is(Number(data[i]), element)) return undefined;
  return { kind: "uniform", element };
}

/** Calls back with every element and its indices; stops where the callback gives false, and tells whether it never did. */
function everyElement(
  { shape, data }: Sample,
  test: (element: number, indices: readonly number[]) => boolean,
): boolean {
  const indices = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    if (!test(Number(data[i]), indices)) return false;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++indices[axis]! < shape[axis]!) break;
      indices[axis] = 0;
    }
  }
  return true;
}

function sumIn(samples: readonly Sample[], sizes: readonly Sizes[]): Pattern | undefined {
  const found: { start: number; steps: number[] }[] = [];
  for (const sample of samples) {
    const start = Number(sample.data[0]);
    const steps = stridesOf(sample.shape).map((stride, axis) =>
      sample.shape[axis] === 1 ? 0 : Number(sample.data[stride]) - start,
    );
    const isSum = everyElement(
      sample,
      (element, indices) => element === indices.reduce((sum, index, axis) => sum + index * steps[axis]!, start),
    );
    if (!isSum) return undefined;
    found.push({ start, steps });
  }
  const fit = (values: number[]): Polynomial | undefined => fitPolynomial(values, sizes);
  const start = fit(found.map((each) => each.start));
  const steps = samples[0]!.shape.map((_, axis) => fit(found.map((each) => each.steps[axis]!)));
  if (start === undefined || steps.includes(undefined)) return undefined;
  return { kind: "sum", sum: { start, steps: steps as Polynomial[] } };
}

/** Elements by the difference of two axes' indices less an offset, or undefined where they do not agree. */
function byDifference(
  samples: readonly Sample[],
  [rows, columns]: readonly [number, number],
  offsets: readonly number[],
): Map<number, number> | undefined {
  const found = new Map<number, number>();
  const agree = samples.every((sample, i) =>
    everyElement(sample, (element, indices) => {
      const place = indices[columns]! - indices[rows]! - offsets[i]!;
      const known = found.get(place);
      if (known === undefined) found.set(place, element);
      return known === undefined || Object.is(known, element);
    }),
  );
  return agree ? found : undefined;
}

/** Differences beyond which nothing may change, for the ends of a table to stand for what lies beyond them. */
const STEADY = 2;

/** The elements from the least difference to the greatest, without the steady ends. */
function tableOf(found: ReadonlyMap<number, number>): { first: number; table: number[] } | undefined {
  const places = [...found.keys()].sort((a, b) => a - b);
  let [low, high] = [places[0]!, places.at(-1)!];
  if (places.length !== high - low + 1) return undefined;
  const [least, greatest] = [low, high];
  while (low < high && Object.is(found.get(low), found.get(low + 1))) low++;
  while (high > low && Object.is(found.get(high), found.get(high - 1))) high--;
  if (low - least < STEADY || greatest - high < STEADY) return undefined;
  return { first: low, table: Array.from({ length: high - low + 1 }, (_, i) => found.get(low + i)!) };
}

function tableIn(samples: readonly Sample[], shape: readonly Polynomial[]): Pattern | undefined {
  const axes = shape.flatMap((_, axis) => (samples.every((sample) => sample.shape[axis] === 1) ? [] : [axis]));
  if (axes.length !== 2) return undefined;
  const [rows, columns] = axes as [number, number];
  // Counted from the first key, or from the last.
  for (const offset of [fixed(0), minus(shape[columns]!, shape[rows]!)]) {
    const offsets = samples.map((sample) => (offset.length === 0 ? 0 : sample.shape[columns]! - sample.shape[rows]!));
    const found = byDifference(samples, [rows, columns], offsets);
    const cut = found && tableOf(found);
    if (cut === undefined) continue;
    const steps = shape.map((_, axis) => fixed(axis === rows ? -1 : axis === columns ? 1 : 0));
    return { kind: "table", sum: { start: minus([], offset), steps }, ...cut };
  }
  return undefined;
}

/** Rows that do not depend on how many there are, such as a table of sines. */
function rowsIn(samples: readonly Sample[]): Pattern | undefined {
  const lengths = samples.map(({ shape }) => shape[0] ?? 0);
  const trace = lengths.indexOf(Math.max(...lengths));
  const longest = samples[trace]!;
  const width = sizeOf(longest.shape.slice(1));
  const isPrefix = samples.every(
    ({ shape, data }) =>
      shape.length > 0 &&
      sizeOf(shape.slice(1)) === width &&
      data.every((element: number | bigint, i: number) => Object.is(element, longest.data[i])),
  );
  return isPrefix ? { kind: "rows", trace } : undefined;
}

/**
 * The pattern of a tensor that differs from size to size, or undefined where none is known.
 *
 * @param samples - The tensor at each of the sizes, none of them empty.
 * @param shape - Its shape at any size.
 */
export function findPattern(
  samples: readonly Sample[],
  sizes: readonly Sizes[],
  shape: readonly Polynomial[],
): Pattern | undefined {
  return uniformIn(samples) ?? sumIn(samples, sizes) ?? tableIn(samples, shape) ?? rowsIn(samples);
}
