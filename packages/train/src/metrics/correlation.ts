import { checkPairs } from "./pairs.ts";

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

function correlate(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const meanA = mean(a);
  const meanB = mean(b);
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return product / (Math.sqrt(squaresA) * Math.sqrt(squaresB));
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function rank(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (const i of order.slice(start, end)) ranks[i] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/**
 * Pearson's correlation, from −1 to 1; NaN when either list is constant.
 *
 * @throws {ShapeError} When the lists differ in length or are empty.
 */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkPairs("pearson", a, b);
  return correlate(a, b);
}

/**
 * Spearman's rank correlation, from −1 to 1: Pearson's, of ranks, where equal values share their mean rank. NaN when either
 * list is constant.
 *
 * @throws {ShapeError} When the lists differ in length or are empty.
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkPairs("spearman", a, b);
  return correlate(rank(a), rank(b));
}
