/** Kendall's tau in O(n log n), and what its parametric test needs. */

/** Counts behind tau. */
export interface KendallCounts {
  /** Concordant less discordant pairs. */
  readonly score: number;
  /** All pairs. */
  readonly pairs: number;
  /** Pairs of equal values in the first list. */
  readonly tiesA: number;
  /** Pairs of equal values in the second list. */
  readonly tiesB: number;
}

/** Pairs of equal values among sorted ones. */
function countTies(length: number, isSame: (i: number) => boolean): number {
  let [ties, run] = [0, 1];
  for (let i = 1; i <= length; i++) {
    if (i < length && isSame(i)) run++;
    else {
      ties += (run * (run - 1)) / 2;
      run = 1;
    }
  }
  return ties;
}

/** Exchanges that a merge sort of `values` makes; sorts them. `buffer` has their length. */
function sortCounting(values: Float64Array, buffer: Float64Array): number {
  const length = values.length;
  let [from, to, exchanges] = [values, buffer, 0];
  for (let width = 1; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length);
      const end = Math.min(start + 2 * width, length);
      let [left, right, at] = [start, middle, start];
      while (left < middle && right < end) {
        if (from[left]! <= from[right]!) to[at++] = from[left++]!;
        else {
          exchanges += middle - left;
          to[at++] = from[right++]!;
        }
      }
      while (left < middle) to[at++] = from[left++]!;
      while (right < end) to[at++] = from[right++]!;
    }
    [from, to] = [to, from];
  }
  if (from !== values) values.set(from);
  return exchanges;
}

/**
 * A function from lists to the counts of their pairs with one that stays the same, whose order is found once.
 *
 * @see Knight 1966, A computer method for calculating Kendall's tau with ungrouped data, doi:10.1080/01621459.1966.10480879.
 */
export function kendallWith(fixed: ArrayLike<number>): (other: ArrayLike<number>) => KendallCounts {
  const length = fixed.length;
  const order = Uint32Array.from({ length }, (_, i) => i).sort((a, b) => fixed[a]! - fixed[b]!);
  const tiesA = countTies(length, (i) => fixed[order[i]!] === fixed[order[i - 1]!]);
  // Ends of the runs of equal values, within which the other list is sorted first.
  const runs: number[] = [];
  for (let i = 1; i <= length; i++) if (i === length || fixed[order[i]!] !== fixed[order[i - 1]!]) runs.push(i);
  const [sorted, buffer] = [new Float64Array(length), new Float64Array(length)];
  const pairs = (length * (length - 1)) / 2;
  return (other) => {
    for (let i = 0; i < length; i++) sorted[i] = other[order[i]!]!;
    let tiesBoth = 0;
    if (tiesA > 0) {
      let from = 0;
      for (const to of runs) {
        if (to - from > 1) {
          const run = sorted.subarray(from, to).sort();
          tiesBoth += countTies(run.length, (i) => run[i] === run[i - 1]);
        }
        from = to;
      }
    }
    const discordant = sortCounting(sorted, buffer);
    const tiesB = countTies(length, (i) => sorted[i] === sorted[i - 1]);
    return { score: pairs - tiesA - tiesB + tiesBoth - 2 * discordant, pairs, tiesA, tiesB };
  };
}

/** `tau_a`: the score over all pairs. */
export const tauA = ({ score, pairs }: KendallCounts): number => score / pairs;

/** `tau_b`: the score over the pairs that are no ties, the geometric mean of both lists. NaN where one is constant. */
export const tauB = ({ score, pairs, tiesA, tiesB }: KendallCounts): number =>
  score / Math.sqrt((pairs - tiesA) * (pairs - tiesB));
