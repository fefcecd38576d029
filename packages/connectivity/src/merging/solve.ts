/**
 * `X` of `A X = B` for a symmetric positive definite A, by Cholesky's factors (Golub and Van Loan 2013, section 4.2); nothing where A
 * is not positive definite. `O(size³ + size² · columns)`.
 *
 * @param a - `[size, size]`. Changed.
 * @param b - `[size, columns]`. Changed.
 */
export function solveSpd(a: Float64Array, b: Float64Array, size: number, columns: number): Float64Array | undefined {
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, a[i * size + i]!);
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = a[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * size + k]! * a[j * size + k]!;
      if (i === j) {
        if (!(sum > 1e-13 * largest)) return undefined;
        a[i * size + i] = Math.sqrt(sum);
      } else a[i * size + j] = sum / a[j * size + j]!;
    }
  }
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++)
      for (let c = 0; c < columns; c++) b[i * columns + c]! -= a[i * size + k]! * b[k * columns + c]!;
    for (let c = 0; c < columns; c++) b[i * columns + c]! /= a[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++)
      for (let c = 0; c < columns; c++) b[i * columns + c]! -= a[k * size + i]! * b[k * columns + c]!;
    for (let c = 0; c < columns; c++) b[i * columns + c]! /= a[i * size + i]!;
  }
  return b;
}
