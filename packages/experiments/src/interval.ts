/** Intervals around a mean: Student's t, and the bootstrap's percentiles. */
import { uniforms } from "./random.ts";

/** A mean with its interval; without ends when there is only one value. */
export interface Interval {
  readonly mean: number;
  readonly low?: number;
  readonly high?: number;
}

const RESAMPLES = 10_000;
const SEED = 1;

/** `ln Γ(x)` for x > 0, to 15 digits. See Lanczos 1964, with g = 7 and 9 terms. */
function logGamma(x: number): number {
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  const sum = terms.reduce((total, term, i) => total + (i === 0 ? term : term / (shifted + i)), 0);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The continued fraction of the incomplete beta function, by Lentz's method. See DLMF 8.17.22. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let d = 1 / Math.max(tiny, 1 - ((a + b) * x) / (a + 1));
  let [c, value] = [1, d];
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let factor = 1;
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d || tiny);
      c = 1 + term / c || tiny;
      factor *= c * d;
    }
    value *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return value;
}

/** The regularised incomplete beta function `I_x(a, b)`. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** The t for which Student's t lies within ±t with probability `level`. */
export function quantileOfT(level: number, degrees: number): number {
  const outside = (t: number): number => incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
  let [low, high] = [0, 1];
  while (outside(high) > 1 - level) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-14 * high; i++) {
    const middle = (low + high) / 2;
    if (outside(middle) > 1 - level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The value below which a share of sorted values lies, between neighbours by a straight line. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const [from, to] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return from + (at - below) * (to - from);
}

/**
 * The mean of values and its interval.
 *
 * `mean ± t · s / √n` with n − 1 degrees of freedom; or the percentiles of the means of 10,000 resamples, drawn with a
 * fixed seed. The bootstrap's intervals are too narrow for fewer than about ten values (Efron and Tibshirani 1993, An
 * Introduction to the Bootstrap, §13.3 and §14.2): with five values, 95 % intervals hold the mean in about 84 % of cases.
 *
 * @param values - At least one; with one there is a mean and no interval.
 * @param level - Share of such intervals that would hold the true mean.
 */
export function measureInterval(values: readonly number[], kind: "t" | "bootstrap" = "t", level = 0.95): Interval {
  const mean = meanOf(values);
  const n = values.length;
  if (n < 2) return { mean };
  if (kind === "t") {
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
    const half = (quantileOfT(level, n - 1) * deviation) / Math.sqrt(n);
    return { mean, low: mean - half, high: mean + half };
  }
  const random = uniforms(SEED);
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!;
    return sum / n;
  }).sort();
  return { mean, low: percentile(means, (1 - level) / 2), high: percentile(means, (1 + level) / 2) };
}
