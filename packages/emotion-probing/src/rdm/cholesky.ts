import { ConfigError } from "@cambium/base";

/** The lower triangle L with `L Lᵀ = matrix`, a symmetric positive definite one, row by row. */
export function cholesky(matrix: ArrayLike<number>, size: number, caller: string): Float64Array {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= lower[i * size + k]! * lower[j * size + k]!;
      if (i !== j) lower[i * size + j] = sum / lower[j * size + j]!;
      else if (sum > 0) lower[i * size + i] = Math.sqrt(sum);
      else
        throw new ConfigError({
          message: `${caller}: a matrix is not positive definite; are channels copies of each other?`,
        });
    }
  }
  return lower;
}

/** `x` with `L Lᵀ x = b`. */
export function choleskySolve(lower: Float64Array, size: number, b: ArrayLike<number>): Float64Array {
  const x = Float64Array.from(b);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i * size + k]! * x[k]!;
    x[i]! /= lower[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= lower[k * size + i]! * x[k]!;
    x[i]! /= lower[i * size + i]!;
  }
  return x;
}

/** The inverse of a symmetric positive definite matrix. */
export function choleskyInverse(matrix: ArrayLike<number>, size: number, caller: string): Float64Array {
  const lower = cholesky(matrix, size, caller);
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const unit = new Float64Array(size);
    unit[column] = 1;
    choleskySolve(lower, size, unit).forEach((value, row) => {
      inverse[row * size + column] = value;
    });
  }
  return inverse;
}
