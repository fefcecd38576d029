import { ShapeError } from "@cambium/base";
import { pearson, spearman } from "@cambium/train";

/** How near predicted numbers are. */
export interface NumbersReport {
  readonly rows: number;
  /** Mean absolute error, in the unit of the numbers. */
  readonly meanAbsoluteError: number;
  /** Root of the mean squared error, in the unit of the numbers. */
  readonly rootMeanSquaredError: number;
  /** Share of the variance that is explained: 1 is all, 0 that of the mean, below 0 worse; NaN where the numbers are all equal. */
  readonly r2: number;
  /** Pearson's correlation, from −1 to 1; NaN where either list is constant. */
  readonly pearson: number;
  /** Spearman's correlation of ranks, from −1 to 1; NaN where either list is constant. */
  readonly spearman: number;
}

/**
 * How near predicted numbers are to those that are right.
 *
 * @throws {ShapeError} When the lists differ in length or are empty, or hold something that is no finite number.
 */
export function measureNumbers(predicted: readonly number[], actual: readonly number[]): NumbersReport {
  const strange = [...predicted, ...actual].find((value) => !Number.isFinite(value));
  if (strange !== undefined)
    throw new ShapeError({ message: `measureNumbers: expected finite numbers, got ${strange}` });
  const correlation = pearson(predicted, actual); // checks the lengths
  const rows = actual.length;
  const mean = actual.reduce((sum, value) => sum + value, 0) / rows;
  const total = (of: (value: number, i: number) => number): number =>
    actual.reduce((sum, value, i) => sum + of(value, i), 0);
  const squares = total((value, i) => (predicted[i]! - value) ** 2);
  const spread = total((value) => (value - mean) ** 2);
  return {
    rows,
    meanAbsoluteError: total((value, i) => Math.abs(predicted[i]! - value)) / rows,
    rootMeanSquaredError: Math.sqrt(squares / rows),
    r2: spread === 0 ? Number.NaN : 1 - squares / spread,
    pearson: correlation,
    spearman: spearman(predicted, actual),
  };
}
