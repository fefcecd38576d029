import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import type { Random } from "@cambium/core";
import { compareRdms } from "../compare/compare-rdms.ts";
import type { Similarity } from "../compare/methods.ts";
import { meanRdm } from "../rdm/change-rdm.ts";
import type { Rdm } from "../rdm/rdm.ts";
import { fTail, quantile } from "./distributions.ts";

/**
 * Which intraclass correlation, in Shrout and Fleiss's names: model 1 where every target has raters of its own, 2 where
 * raters are a sample and their levels count, 3 where these raters are all and levels do not count; `1` for a single rating,
 * `k` for the mean of all.
 */
export type IntraclassKind = "1,1" | "1,k" | "2,1" | "2,k" | "3,1" | "3,k";

/** An intraclass correlation with its interval and its test against 0. */
export interface IntraclassCorrelation {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Of the F test that it is 0. */
  readonly p: number;
}

/** Settings of `intraclassCorrelation`. */
export interface IntraclassCorrelationOptions {
  readonly kind: IntraclassKind;
  /** @default 0.95 */
  readonly level?: number;
}

/**
 * Intraclass correlation: how much of the variance of ratings is between targets.
 *
 * @param ratings - `[targets][raters]`, two or more of each, all known.
 * @throws {ConfigError} For an unknown kind or level, or ratings that do not vary. @throws {ShapeError} When a rating is missing.
 * @see Shrout and Fleiss 1979, Intraclass correlations, doi:10.1037/0033-2909.86.2.420; intervals as in McGraw and Wong 1996,
 *      doi:10.1037/1082-989X.1.1.30, tables 4 and 7.
 */
export function intraclassCorrelation(
  ratings: readonly (readonly number[])[],
  options: IntraclassCorrelationOptions,
): IntraclassCorrelation {
  checkOptions("intraclassCorrelation", options, ["kind", "level"]);
  const { kind, level = 0.95 } = options;
  const kinds: readonly IntraclassKind[] = ["1,1", "1,k", "2,1", "2,k", "3,1", "3,k"];
  if (!kinds.includes(kind)) {
    throw new ConfigError({
      message: `intraclassCorrelation: kind must be one of "${kinds.join('", "')}", got "${kind}"`,
      kind,
    });
  }
  if (!(level > 0 && level < 1))
    throw new ConfigError({ message: `intraclassCorrelation: level must lie between 0 and 1, got ${level}`, level });
  const { n, k, rows, columns, error, within } = meanSquares(ratings);
  // Where ratings agree, what is left over is what rounding leaves.
  const most = Math.max(rows, columns, within);
  const isNone = (square: number): boolean => square <= 1e-24 * most;
  if (isNone(kind.startsWith("1") ? within : error)) {
    if (isNone(rows))
      throw new ConfigError({
        message: "intraclassCorrelation: neither targets nor what is left over varies, so that there is no such number",
      });
    if (!kind.startsWith("2") || isNone(columns)) return { value: 1, low: 1, high: 1, p: 0 };
  }
  const alpha = (1 - level) / 2;
  const average = (single: number): number => (k * single) / (1 + (k - 1) * single);
  const upTo = (f: number): number => (f - 1) / (f + k - 1); // the single-rating value of an F ratio
  if (kind.startsWith("2")) {
    const value = (rows - error) / (rows + (k - 1) * error + (k * (columns - error)) / n);
    const [low, high] = agreementInterval({ n, k, rows, columns, error, value }, alpha);
    const p = fTail(rows / error, n - 1, (n - 1) * (k - 1));
    const of = kind === "2,1" ? (single: number) => single : average;
    return { value: of(value), low: of(low), high: of(high), p };
  }
  const below = kind.startsWith("1") ? n * (k - 1) : (n - 1) * (k - 1);
  const f = rows / (kind.startsWith("1") ? within : error);
  const fLow = f / quantile((x) => fTail(x, n - 1, below), alpha);
  const fHigh = f * quantile((x) => fTail(x, below, n - 1), alpha);
  const of = kind.endsWith("1") ? upTo : (ratio: number) => 1 - 1 / ratio;
  return { value: of(f), low: of(fLow), high: of(fHigh), p: fTail(f, n - 1, below) };
}

interface MeanSquares {
  readonly n: number;
  readonly k: number;
  readonly rows: number;
  readonly columns: number;
  readonly error: number;
}

/** McGraw and Wong's interval of absolute agreement, whose degrees of freedom are Satterthwaite's. */
function agreementInterval(
  { n, k, rows, columns, error, value }: MeanSquares & { readonly value: number },
  alpha: number,
): readonly [low: number, high: number] {
  const a = (k * value) / (n * (1 - value));
  const b = 1 + (k * value * (n - 1)) / (n * (1 - value));
  const degrees =
    (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)));
  const above = quantile((x) => fTail(x, n - 1, degrees), alpha);
  const below = quantile((x) => fTail(x, degrees, n - 1), alpha);
  const rest = k * columns + (k * n - k - n) * error;
  return [
    (n * (rows - above * error)) / (above * rest + n * rows),
    (n * (below * rows - error)) / (rest + n * below * rows),
  ];
}

function meanSquares(ratings: readonly (readonly number[])[]): MeanSquares & { readonly within: number } {
  const [n, k] = [ratings.length, ratings[0]?.length ?? 0];
  if (n < 2 || k < 2 || ratings.some((row) => row.length !== k || !row.every(Number.isFinite))) {
    throw new ShapeError({
      message: `intraclassCorrelation: ratings must be two or more targets by two or more raters, all known, got ${n} by ${k}`,
    });
  }
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const grand = sum(ratings.map(sum)) / (n * k);
  const rowMeans = ratings.map((row) => sum(row) / k);
  const columnMeans = Array.from({ length: k }, (_, j) => sum(ratings.map((row) => row[j]!)) / n);
  const rows = (k * sum(rowMeans.map((value) => (value - grand) ** 2))) / (n - 1);
  const columns = (n * sum(columnMeans.map((value) => (value - grand) ** 2))) / (k - 1);
  const within = sum(ratings.map((row, i) => sum(row.map((value) => (value - rowMeans[i]!) ** 2)))) / (n * (k - 1));
  const error =
    sum(ratings.map((row, i) => sum(row.map((value, j) => (value - rowMeans[i]! - columnMeans[j]! + grand) ** 2)))) /
    ((n - 1) * (k - 1));
  return { n, k, rows, columns, error, within };
}

/** Settings of `measureSplitHalf`. */
export interface MeasureSplitHalfOptions {
  /** See `compareRdms`. @default "spearman" */
  readonly method?: Similarity;
  /** Random halvings, of which the mean is taken. @default 100 */
  readonly splits?: number;
  readonly random: Random;
}

/** Reliability of a mean RDM. */
export interface SplitHalf {
  /** Mean similarity of two halves. */
  readonly half: number;
  /** What the mean of all would have with another such mean: `2r / (1 + r)`, and `2r / (1 − r)` where halves disagree, for which the formula is not made. */
  readonly whole: number;
}

/**
 * How reliable the mean of several RDMs is (of seeds, raters, templates): similarity of the means of random halves, and that
 * of the whole by the formula of Spearman and Brown.
 *
 * @param rdms - At least two, of the same conditions in the same order; of an odd number one is left out of every split.
 * @throws {ConfigError} For options that do not exist or cannot be meant, fewer RDMs, or halves that are constant.
 */
export function measureSplitHalf(rdms: readonly Rdm[], options: MeasureSplitHalfOptions): SplitHalf {
  checkOptions("measureSplitHalf", options, ["method", "splits", "random"]);
  const { method = "spearman", splits = 100, random } = options;
  if (rdms.length < 2)
    throw new ConfigError({ message: `measureSplitHalf: at least two RDMs are needed, got ${rdms.length}` });
  if (!Number.isSafeInteger(splits) || splits < 1) {
    throw new ConfigError({ message: `measureSplitHalf: splits must be an integer from 1, got ${splits}` });
  }
  const size = Math.floor(rdms.length / 2);
  let total = 0;
  for (let i = 0; i < splits; i++) {
    const order = random.at(i).permutation(rdms.length);
    const mean = (from: number): Rdm => meanRdm(Array.from(order.subarray(from, from + size), (place) => rdms[place]!));
    const found = compareRdms(mean(0), mean(size), { method });
    if (Number.isNaN(found))
      throw new ConfigError({
        message: "measureSplitHalf: the mean of a half is constant, so that there is no similarity of halves",
      });
    total += found;
  }
  const half = total / splits;
  return { half, whole: (2 * half) / (1 + Math.abs(half)) };
}
