import { normalTail } from "../inference/distributions.ts";
import { kendallWith } from "./kendall.ts";

/** Sums over runs of equal values that the variance of tau's score needs. */
interface Ties {
  readonly two: number;
  readonly three: number;
  readonly five: number;
}

function tiesOf(values: ArrayLike<number>): Ties {
  const sorted = Float64Array.from(values).sort();
  let [two, three, five, run] = [0, 0, 0, 1];
  for (let i = 1; i <= sorted.length; i++) {
    if (i < sorted.length && sorted[i] === sorted[i - 1]) {
      run++;
      continue;
    }
    two += run * (run - 1);
    three += run * (run - 1) * (run - 2);
    five += run * (run - 1) * (2 * run + 5);
    run = 1;
  }
  return { two, three, five };
}

/**
 * A function that gives the standard deviation of tau's score under independence, of lists of one length.
 *
 * @see Kendall 1970, Rank correlation methods, §4.4 (ties).
 */
function deviationOf(n: number, a: Ties, b: Ties): number {
  const variance =
    (n * (n - 1) * (2 * n + 5) - a.five - b.five) / 18 +
    (a.two * b.two) / (2 * n * (n - 1)) +
    (a.three * b.three) / (9 * n * (n - 1) * (n - 2));
  return Math.sqrt(variance);
}

/**
 * `P(score ≥ observed)` of Kendall's score by the normal approximation, as if the pairs of an RDM were independent. They are
 * not: this is for comparison with analyses that use it; `testSimilarity` permutes the conditions.
 */
export function tauTail(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return tauTailWith(a)(b).p;
}

/** The same with a list that stays the same; `tau` is tau-b. */
export function tauTailWith(
  a: ArrayLike<number>,
): (b: ArrayLike<number>) => { readonly tau: number; readonly p: number } {
  const counts = kendallWith(a);
  const ties = tiesOf(a);
  return (b) => {
    const { score, pairs, tiesA, tiesB } = counts(b);
    const tau = score / Math.sqrt((pairs - tiesA) * (pairs - tiesB));
    return { tau, p: normalTail(score / deviationOf(a.length, ties, tiesOf(b))) };
  };
}
