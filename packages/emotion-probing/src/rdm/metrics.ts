import { ConfigError, ShapeError } from "@cambium/base";
import type { Metric } from "./measure-rdm.ts";
import { type Precision, precisionProduct } from "./precision.ts";

/** What a metric needs. */
interface Given {
  readonly patterns: readonly ArrayLike<number>[];
  readonly threshold: number;
  readonly precision: Precision | undefined;
}

/** The distance of two patterns by their places. */
type Distance = (i: number, j: number) => number;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c]! * b[c]!;
  return sum;
};

const squared = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += (a[c]! - b[c]!) ** 2;
  return sum;
};

/** Patterns of length 1. A zero one is an error with a reason. */
function unitPatterns(patterns: readonly ArrayLike<number>[], problem: string): Float64Array[] {
  return patterns.map((pattern, index) => {
    const length = Math.sqrt(dot(pattern, pattern));
    if (length === 0) throw new ConfigError({ message: `measureRdm: pattern ${index} ${problem}`, index });
    return Float64Array.from(pattern, (value) => value / length);
  });
}

function centred(pattern: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(pattern);
  // A constant pattern's mean may differ from it by rounding, so that it is recognised first.
  if (values.every((value) => value === values[0])) return new Float64Array(values.length);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

/** 1 − the cosine of two patterns, kept from going below 0 by rounding. */
function cosineDistance(patterns: readonly ArrayLike<number>[], problem: string): Distance {
  const units = unitPatterns(patterns, problem);
  return (i, j) => Math.max(0, 1 - dot(units[i]!, units[j]!));
}

/** How each metric is computed. */
export const metrics: Readonly<Record<Metric, (given: Given) => Distance>> = {
  "squared-euclidean":
    ({ patterns }) =>
    (i, j) =>
      squared(patterns[i]!, patterns[j]!),
  euclidean:
    ({ patterns }) =>
    (i, j) =>
      Math.sqrt(squared(patterns[i]!, patterns[j]!)),
  correlation: ({ patterns }) => cosineDistance(patterns.map(centred), "is constant and has no correlation"),
  cosine: ({ patterns }) => cosineDistance(patterns, "is zero and has no direction"),
  mahalanobis: ({ patterns, precision }) => {
    const channels = patterns[0]!.length;
    return (i, j) => {
      const difference = Float64Array.from({ length: channels }, (_, c) => patterns[i]![c]! - patterns[j]![c]!);
      return precisionProduct(difference, difference, precision);
    };
  },
  overlap: ({ patterns, threshold }) =>
    cosineDistance(
      patterns.map((pattern) => Float64Array.from(pattern, (value) => (value > threshold ? 1 : 0))),
      `has no channel above ${threshold}`,
    ),
  difference: ({ patterns }) => {
    const channels = patterns[0]!.length;
    if (channels !== 1) throw new ShapeError({ message: `measureRdm: difference is of one channel, got ${channels}` });
    return (i, j) => Math.abs(patterns[i]![0]! - patterns[j]![0]!);
  },
  hamming:
    ({ patterns }) =>
    (i, j) => {
      const [a, b] = [patterns[i]!, patterns[j]!];
      let differing = 0;
      for (let c = 0; c < a.length; c++) if (a[c] !== b[c]) differing++;
      return differing / a.length;
    },
};
