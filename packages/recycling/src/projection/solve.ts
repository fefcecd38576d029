/** Small symmetric systems on the host, in double precision. */
import { StateError } from "@cambium/base";

/**
 * `A⁻¹ b` of a positive definite A by its Cholesky factor. `O(n³)`.
 *
 * @param a - `[n, n]` by rows. Not changed.
 * @param b - `[n]`.
 * @throws {StateError} When A is not positive definite.
 */
export function solveCholesky(a: readonly Float64Array[], b: Float64Array): Float64Array {
  const n = b.length;
  const factor = a.map((row) => Float64Array.from(row));
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = factor[i]![j]!;
      for (let k = 0; k < j; k++) sum -= factor[i]![k]! * factor[j]![k]!;
      if (i > j) factor[i]![j] = sum / factor[j]![j]!;
      else if (sum > 0) factor[j]![j] = Math.sqrt(sum);
      else
        throw new StateError({
          message:
            "fitProjection: the pairs do not tell directions apart; raise penalty, or drop pairs that come twice",
        });
    }
  }
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= factor[i]![k]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= factor[k]![i]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  return x;
}
