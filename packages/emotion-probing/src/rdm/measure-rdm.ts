/** RDMs from patterns: `measureRdm` for one set of patterns, `measureCrossnobis` for patterns measured several times. */
import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { metrics } from "./metrics.ts";
import { type Precision, precisionProduct } from "./precision.ts";
import { numberedConditions, pairCount, pairsOf, type Rdm, rdmOf } from "./rdm.ts";

/** How far apart two patterns are. */
export type Metric =
  | "squared-euclidean"
  | "euclidean"
  | "correlation"
  | "cosine"
  | "mahalanobis"
  | "overlap"
  | "difference"
  | "hamming";

/** Settings of `measureRdm`. */
export interface MeasureRdmOptions {
  /**
   * `squared-euclidean`: `Σ (a − b)²`; `euclidean`: its root; `correlation`: 1 − Pearson's r; `cosine`: 1 − the cosine;
   * `mahalanobis`: `(a − b)ᵀ P (a − b)`; `overlap`: 1 − the cosine of the patterns of active channels; `difference`:
   * `|a − b|` of patterns of one channel; `hamming`: the share of channels that differ. @default "correlation"
   */
  readonly metric?: Metric;
  /** Names of the conditions. @default "0", "1", … */
  readonly conditions?: readonly string[];
  /** Whether squared distances are divided by the number of channels, as rsatoolbox does. @default false */
  readonly perChannel?: boolean;
  /** Above what a channel counts as active, for `overlap`. @default 0 */
  readonly threshold?: number;
  /** P of `mahalanobis`, such as `shrunkPrecision` estimates. */
  readonly precision?: Precision;
}

const keys = ["metric", "conditions", "perChannel", "threshold", "precision"] as const;

/** Patterns of the same length, all finite. */
export function checkPatterns(caller: string, patterns: readonly ArrayLike<number>[]): number {
  const channels = patterns[0]?.length ?? 0;
  if (patterns.length < 2 || channels === 0) {
    throw new ShapeError({
      message: `${caller}: at least two patterns of one channel are needed, got ${patterns.length}`,
    });
  }
  patterns.forEach((pattern, index) => {
    if (pattern.length !== channels) {
      throw new ShapeError({
        message: `${caller}: pattern ${index} has ${pattern.length} channels, the first has ${channels}`,
        index,
      });
    }
    for (let i = 0; i < channels; i++) {
      if (Number.isFinite(pattern[i]!)) continue;
      throw new ConfigError({ message: `${caller}: channel ${i} of pattern ${index} is ${pattern[i]}`, index });
    }
  });
  return channels;
}

/**
 * The RDM of some patterns: one distance for every two conditions.
 *
 * @param patterns - One for each condition, `[conditions][channels]`: the activations of some units, a neuron's values
 *   over texts, a rating.
 * @throws {ConfigError} For an unknown metric or option, a pattern that is not finite, or one whose correlation or cosine
 *   does not exist since it is constant or zero.
 * @throws {ShapeError} When patterns differ in length, or names do not fit.
 * @see Kriegeskorte, Mur and Bandettini 2008, Representational similarity analysis, doi:10.3389/neuro.06.004.2008.
 * @example
 * const rdm = measureRdm([[1, 2, 0, 1], [2, 1, 1, 0], [0, 3, 1, 2]], { metric: "squared-euclidean" });
 */
export function measureRdm(patterns: readonly ArrayLike<number>[], options: MeasureRdmOptions = {}): Rdm {
  checkOptions("measureRdm", options, keys);
  const { metric = "correlation", perChannel = false, threshold = 0, precision } = options;
  const make = Object.hasOwn(metrics, metric) ? metrics[metric] : undefined;
  if (make === undefined) {
    throw new ConfigError({
      message: `measureRdm: there is no metric "${metric}"; choose one of ${Object.keys(metrics).join(", ")}`,
      metric,
    });
  }
  const channels = checkPatterns("measureRdm", patterns);
  checkUnused(metric, options);
  const distance = make({ patterns, threshold, precision });
  const scale = perChannel ? 1 / channels : 1;
  const values = Float64Array.from(pairsOf(patterns.length), ([i, j]) => scale * distance(i, j));
  return rdmOf(options.conditions ?? numberedConditions(patterns.length), values, metric);
}

/** Throws for options that the metric would pass over. */
function checkUnused(metric: Metric, { perChannel, threshold, precision }: MeasureRdmOptions): void {
  const problem =
    perChannel === true && metric !== "squared-euclidean" && metric !== "mahalanobis"
      ? "perChannel is for squared-euclidean and mahalanobis"
      : threshold !== undefined && metric !== "overlap"
        ? "threshold is for overlap"
        : (precision === undefined) === (metric === "mahalanobis")
          ? "precision and the metric mahalanobis belong together"
          : undefined;
  if (problem !== undefined)
    throw new ConfigError({ message: `measureRdm: ${problem}, got the metric "${metric}"`, metric });
}

/** Settings of `measureCrossnobis`. */
export interface MeasureCrossnobisOptions {
  /** Names of the conditions. @default "0", "1", … */
  readonly conditions?: readonly string[];
  /** Whether distances are divided by the number of channels, as rsatoolbox does. @default false */
  readonly perChannel?: boolean;
  /** P of the distance, such as `shrunkPrecision` estimates. @default the identity: the cross-validated squared Euclidean distance */
  readonly precision?: Precision;
}

/**
 * The cross-validated Mahalanobis distance: `(a − b)ᵀ P (a' − b')`, where a, b and a', b' come from different folds; the
 * mean over all pairs of folds.
 *
 * Noise is independent between folds, so that distances of equal conditions are 0 on average and may be negative.
 *
 * @param folds - The patterns of every fold, `[folds][conditions][channels]`, at least two folds.
 * @throws {ShapeError} When folds differ in their shape, or there is only one.
 * @see Walther et al. 2016, Reliability of dissimilarity measures for multi-voxel pattern analysis,
 *      doi:10.1016/j.neuroimage.2015.12.012.
 */
export function measureCrossnobis(
  folds: readonly (readonly ArrayLike<number>[])[],
  options: MeasureCrossnobisOptions = {},
): Rdm {
  checkOptions("measureCrossnobis", options, ["conditions", "perChannel", "precision"]);
  const { perChannel = false, precision } = options;
  const [first] = folds;
  if (first === undefined || folds.length < 2) {
    throw new ShapeError({ message: `measureCrossnobis: at least two folds are needed, got ${folds.length}` });
  }
  const channels = checkPatterns("measureCrossnobis", folds.flat());
  folds.forEach((fold, index) => {
    if (fold.length === first.length) return;
    throw new ShapeError({
      message: `measureCrossnobis: fold ${index} has ${fold.length} conditions, the first has ${first.length}`,
      index,
    });
  });
  const scale = 1 / (folds.length * (folds.length - 1)) / (perChannel ? channels : 1);
  const difference = (fold: readonly ArrayLike<number>[], i: number, j: number): Float64Array =>
    Float64Array.from({ length: channels }, (_, c) => fold[i]![c]! - fold[j]![c]!);
  const values = new Float64Array(pairCount(first.length));
  let at = 0;
  for (const [i, j] of pairsOf(first.length)) {
    // Σ over pairs of different folds is the product of the sums without the products of each fold with itself.
    const differences = folds.map((fold) => difference(fold, i, j));
    const total = new Float64Array(channels).map((_, c) => differences.reduce((sum, one) => sum + one[c]!, 0));
    const own = differences.reduce((sum, one) => sum + precisionProduct(one, one, precision), 0);
    values[at++] = scale * (precisionProduct(total, total, precision) - own);
  }
  return rdmOf(options.conditions ?? numberedConditions(first.length), values, "crossnobis");
}
