import { ConfigError, checkOptions, ShapeError } from "@cambium/base";
import { choleskyInverse } from "./cholesky.ts";

/** A symmetric positive definite matrix, `[channels][channels]`, row by row. */
export interface Precision {
  readonly channels: number;
  readonly values: Float64Array;
}

/** `aᵀ P b`; without a P the product of a and b. */
export function precisionProduct(a: Float64Array, b: Float64Array, precision: Precision | undefined): number {
  if (precision === undefined) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum;
  }
  const { channels, values } = precision;
  if (channels !== a.length) {
    throw new ShapeError({ message: `the precision is of ${channels} channels, the patterns have ${a.length}` });
  }
  let total = 0;
  for (let i = 0; i < channels; i++) {
    let row = 0;
    for (let j = 0; j < channels; j++) row += values[i * channels + j]! * b[j]!;
    total += a[i]! * row;
  }
  return total;
}

/** Settings of `shrunkPrecision`. */
export interface ShrunkPrecisionOptions {
  /** What the covariance is drawn towards: its own diagonal, or a multiple of the identity. @default "diagonal" */
  readonly target?: "diagonal" | "identity";
  /** Degrees of freedom of the residuals. @default rows − 1 */
  readonly degrees?: number;
}

/** A precision and how it was made. */
export interface ShrunkPrecision extends Precision {
  /** The share of the target, 0 to 1. */
  readonly shrinkage: number;
}

/**
 * The inverse of a noise covariance, shrunk by as much as its own error tells: `(λ T + (1 − λ) S)⁻¹`.
 *
 * With the target `identity`, λ is Ledoit and Wolf's; with `diagonal`, Schäfer and Strimmer's, whose correlations shrink
 * while variances stay.
 *
 * @param residuals - Noise, `[rows][channels]`: patterns less the mean of their condition. Their mean is taken off.
 * @throws {ConfigError} For fewer than two rows or degrees, or a channel without any variance.
 * @see Ledoit and Wolf 2004, A well-conditioned estimator for large-dimensional covariance matrices,
 *      doi:10.1016/S0047-259X(03)00096-4. Schäfer and Strimmer 2005, A shrinkage approach to large-scale covariance matrix
 *      estimation, doi:10.2202/1544-6115.1175.
 */
export function shrunkPrecision(
  residuals: readonly ArrayLike<number>[],
  options: ShrunkPrecisionOptions = {},
): ShrunkPrecision {
  checkOptions("shrunkPrecision", options, ["target", "degrees"]);
  const rows = residuals.length;
  const { target = "diagonal", degrees = rows - 1 } = options;
  if (target !== "diagonal" && target !== "identity") {
    throw new ConfigError({
      message: `shrunkPrecision: target must be "diagonal" or "identity", got "${target}"`,
      target,
    });
  }
  if (rows < 2 || !(degrees >= 1)) {
    throw new ConfigError({
      message: `shrunkPrecision: at least two rows and one degree are needed, got ${rows} and ${degrees}`,
    });
  }
  const channels = residuals[0]!.length;
  if (residuals.some((row) => row.length !== channels)) {
    throw new ShapeError({ message: "shrunkPrecision: residuals must have the same number of channels" });
  }
  const centred = centreColumns(residuals, channels);
  // Sums of the products x_i x_j and of their squares over the rows.
  const [products, squares] = [new Float64Array(channels ** 2), new Float64Array(channels ** 2)];
  for (const row of centred) {
    for (let i = 0; i < channels; i++) {
      for (let j = 0; j < channels; j++) {
        const product = row[i]! * row[j]!;
        products[i * channels + j]! += product;
        squares[i * channels + j]! += product * product;
      }
    }
  }
  const covariance = products.map((sum) => sum / degrees);
  const shrinkage =
    target === "identity"
      ? identityShrinkage({ products, squares, rows, channels })
      : diagonalShrinkage({ products, squares, rows, channels, degrees });
  const mean = trace(covariance, channels) / channels;
  const shrunk = covariance.map((value, at) => {
    const isDiagonal = at % (channels + 1) === 0;
    const aim = target === "identity" ? (isDiagonal ? mean : 0) : isDiagonal ? value : 0;
    return shrinkage * aim + (1 - shrinkage) * value;
  });
  return { channels, values: choleskyInverse(shrunk, channels, "shrunkPrecision"), shrinkage };
}

function centreColumns(rows: readonly ArrayLike<number>[], channels: number): Float64Array[] {
  const means = new Float64Array(channels);
  for (const row of rows) for (let c = 0; c < channels; c++) means[c]! += row[c]! / rows.length;
  return rows.map((row) => Float64Array.from({ length: channels }, (_, c) => row[c]! - means[c]!));
}

function trace(matrix: Float64Array, channels: number): number {
  let sum = 0;
  for (let i = 0; i < channels; i++) sum += matrix[i * channels + i]!;
  return sum;
}

interface Moments {
  readonly products: Float64Array;
  readonly squares: Float64Array;
  readonly rows: number;
  readonly channels: number;
}

/** Ledoit and Wolf's λ = b² / d², with S over the number of rows: b² the error of S, d² its distance from the target. */
function identityShrinkage({ products, squares, rows, channels }: Moments): number {
  const sample = products.map((sum) => sum / rows);
  const mean = trace(sample, channels) / channels;
  let [distance, error] = [0, 0];
  for (let at = 0; at < sample.length; at++) {
    const aim = at % (channels + 1) === 0 ? mean : 0;
    distance += (sample[at]! - aim) ** 2;
    error += squares[at]! / rows - sample[at]! ** 2;
  }
  return distance === 0 ? 0 : Math.min(1, Math.max(0, error / rows / distance));
}

/** Schäfer and Strimmer's λ* for correlations: the sum of their variances over the sum of their squares, off the diagonal. */
function diagonalShrinkage({
  products,
  squares,
  rows,
  channels,
  degrees,
}: Moments & { readonly degrees: number }): number {
  let [variance, square] = [0, 0];
  for (let i = 0; i < channels; i++) {
    for (let j = 0; j < channels; j++) {
      if (i === j) continue;
      const at = i * channels + j;
      const scale = (products[i * channels + i]! / degrees) * (products[j * channels + j]! / degrees);
      if (scale === 0) throw new ConfigError({ message: `shrunkPrecision: channel ${i} or ${j} has no variance` });
      variance += (squares[at]! - products[at]! ** 2 / rows) / scale;
      square += (products[at]! / degrees) ** 2 / scale;
    }
  }
  if (square === 0) return 1;
  return Math.min(1, Math.max(0, (rows / (degrees ** 2 * (rows - 1))) * (variance / square)));
}
