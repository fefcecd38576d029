/** A share with its interval, each a fraction of 1. */
export interface Interval {
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % point of the standard normal distribution: an interval of 95 %. */
const Z = 1.959963984540054;

/**
 * Share of successes with its 95 % interval after Wilson; it never leaves [0, 1] and holds for few and for extreme counts.
 * With `total` 0 the share is 0 and the interval everything.
 *
 * @param successes - From 0 to `total`.
 * @see Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference, J. Am. Stat. Assoc. 22.
 */
export function wilson(successes: number, total: number): Interval {
  if (total === 0) return { rate: 0, low: 0, high: 1 };
  const rate = successes / total;
  const centre = (rate + Z ** 2 / (2 * total)) / (1 + Z ** 2 / total);
  const half = (Z / (1 + Z ** 2 / total)) * Math.sqrt((rate * (1 - rate)) / total + Z ** 2 / (4 * total ** 2));
  return {
    rate,
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === total ? 1 : Math.min(1, centre + half),
  };
}
