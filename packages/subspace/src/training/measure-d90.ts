/** How few coordinates suffice. */
import { ConfigError, checkOptions } from "@cambium/base";

/** One training run that `measureD90` asks for. */
export interface D90Run {
  readonly dimension: number;
  /** One of `seeds`. */
  readonly seed: number;
  /** One of `learningRates`. */
  readonly learningRate: number;
}

/** Settings of `measureD90`. */
export interface MeasureD90Options {
  /** Score of full training, above 0. */
  readonly full: number;
  /** Dimensions to begin with, rising. */
  readonly grid: readonly number[];
  /** Learning rates that are tried at each dimension; the one of the best mean counts. */
  readonly learningRates: readonly number[];
  /** Seeds of the projection and the run. @default [1, 2, 3] */
  readonly seeds?: readonly number[];
  /** Share of the full score that suffices, 0 to 1. @default 0.9 */
  readonly share?: number;
  /** Dimensions that are tried between the last that does not suffice and the first that does. @default 4 */
  readonly bisections?: number;
  /** Called after each run. */
  readonly onRun?: (run: D90Run & { readonly score: number }) => void;
}

/** Scores at one dimension, at the learning rate whose mean is best. */
export interface D90Point {
  readonly dimension: number;
  readonly learningRate: number;
  readonly scores: readonly number[];
  readonly mean: number;
  /** Standard deviation over seeds. */
  readonly deviation: number;
}

/** How few coordinates suffice, and what was measured on the way. */
export interface D90 {
  /** The smallest measured dimension whose mean reaches the threshold; absent where none of the grid does. */
  readonly d90?: number;
  /** The largest measured dimension below it that does not; absent where the first of the grid suffices. */
  readonly below?: number;
  /** `share · full`. */
  readonly threshold: number;
  /** By rising dimension. */
  readonly points: readonly D90Point[];
  /** False where a dimension that was measured above `d90` falls short again: then the score does not rise with the dimension. */
  readonly isMonotone: boolean;
}

function checkRising(name: string, list: readonly number[], isWhole: boolean): void {
  const isGood =
    list.length > 0 &&
    list.every(
      (value, i) =>
        value > 0 &&
        Number.isFinite(value) &&
        (!isWhole || Number.isInteger(value)) &&
        (i === 0 || value > list[i - 1]!),
    );
  if (!isGood)
    throw new ConfigError({
      message: `measureD90: ${name} must be rising positive ${isWhole ? "integers" : "numbers"}, got [${list}]`,
    });
}

/**
 * The smallest dimension at which training reaches a share of the full score: a grid, then bisection on the logarithm of the
 * dimension. Every dimension is run with every seed and learning rate, and its mean counts.
 *
 * @param train - Trains at a dimension and gives the score, higher is better: a projection of `random(seed)`, `trainInSubspace`, a metric.
 * @throws {ConfigError} For options out of range, a full score that is not above 0, and scores that are no numbers.
 * @see Li et al. 2018, arXiv:1804.08838, section 2; Aghajanyan et al. 2020, arXiv:2012.13255, section 3.
 * @example
 * const { d90 } = await measureD90(scoreAt, { full: 0.92, grid: [4, 16, 64, 256], learningRates: [0.03, 0.1] });
 */
export async function measureD90(train: (run: D90Run) => Promise<number>, options: MeasureD90Options): Promise<D90> {
  checkOptions("measureD90", options, ["full", "grid", "learningRates", "seeds", "share", "bisections", "onRun"]);
  const { full, grid, learningRates, seeds = [1, 2, 3], share = 0.9, bisections = 4, onRun } = options;
  if (!(full > 0 && Number.isFinite(full)))
    throw new ConfigError({
      message: `measureD90: full must be above 0, got ${full}: a share of it means nothing otherwise`,
    });
  if (!(share > 0 && share <= 1))
    throw new ConfigError({ message: `measureD90: share must be above 0 and at most 1, got ${share}` });
  if (!Number.isInteger(bisections) || bisections < 0)
    throw new ConfigError({ message: `measureD90: bisections must be an integer from 0, got ${bisections}` });
  checkRising("grid", grid, true);
  checkRising("learningRates", learningRates, false);
  if (seeds.length === 0 || new Set(seeds).size < seeds.length || !seeds.every(Number.isSafeInteger))
    throw new ConfigError({ message: `measureD90: seeds must be distinct integers, got [${seeds}]` });
  const threshold = share * full;
  const measured = new Map<number, D90Point>();
  const suffices = async (dimension: number): Promise<boolean> => {
    let best: D90Point | undefined;
    for (const learningRate of learningRates) {
      const scores: number[] = [];
      for (const seed of seeds) {
        const score = await train({ dimension, seed, learningRate });
        if (!Number.isFinite(score))
          throw new ConfigError({
            message: `measureD90: the score at dimension ${dimension}, seed ${seed} is ${score}`,
          });
        scores.push(score);
        onRun?.({ dimension, seed, learningRate, score });
      }
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
      const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
      const deviation = Math.sqrt(squares / Math.max(1, scores.length - 1));
      if (best === undefined || mean > best.mean) best = { dimension, learningRate, scores, mean, deviation };
    }
    measured.set(dimension, best!);
    return best!.mean >= threshold;
  };
  let below: number | undefined;
  let enough: number | undefined;
  for (const dimension of grid) {
    const isEnough = await suffices(dimension);
    if (isEnough && enough === undefined) enough = dimension;
    else if (!isEnough && enough === undefined) below = dimension;
  }
  for (let k = 0; k < bisections && enough !== undefined && enough - (below ?? 0) > 1; k++) {
    const middle = Math.min(enough - 1, Math.max((below ?? 0) + 1, Math.round(Math.sqrt((below ?? 1) * enough))));
    if (measured.has(middle)) break;
    if (await suffices(middle)) enough = middle;
    else below = middle;
  }
  const points = [...measured.values()].sort((a, b) => a.dimension - b.dimension);
  return {
    ...(enough !== undefined && { d90: enough }),
    ...(enough !== undefined && below !== undefined && { below }),
    threshold,
    points,
    isMonotone: points.every(({ dimension, mean }) => enough === undefined || dimension < enough || mean >= threshold),
  };
}
