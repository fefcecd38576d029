/** Eigenvalues of small symmetric matrices. */

/** An eigenvalue with its vector. */
export interface EigenPair {
  readonly value: number;
  readonly vector: Float64Array;
}

/**
 * All eigenvalues of a symmetric matrix, falling, by Jacobi's rotations (Golub and Van Loan 2013, section 8.5). `O(sweeps · size³)`.
 *
 * @param matrix - By rows. Not changed.
 */
export function eigenOfSymmetric(matrix: readonly (readonly number[])[]): EigenPair[] {
  const size = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const vectors = a.map((_, i) => Float64Array.from({ length: size }, (__, j) => (i === j ? 1 : 0)));
  const scale = Math.max(...a.map((row) => Math.max(...row.map(Math.abs))), Number.MIN_VALUE);
  for (let sweep = 0; sweep < 100; sweep++) {
    let rest = 0;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rest = Math.max(rest, Math.abs(a[p]![q]!));
    if (rest <= 1e-14 * scale) break;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const crossed = a[p]![q]!;
        if (Math.abs(crossed) <= 1e-16 * scale) continue;
        const tau = (a[q]![q]! - a[p]![p]!) / (2 * crossed);
        const tangent = Math.sign(tau || 1) / (Math.abs(tau) + Math.hypot(1, tau));
        const c = 1 / Math.hypot(1, tangent);
        const s = c * tangent;
        for (let k = 0; k < size; k++) {
          const [x, y] = [a[k]![p]!, a[k]![q]!];
          a[k]![p] = c * x - s * y;
          a[k]![q] = s * x + c * y;
        }
        for (let k = 0; k < size; k++) {
          const [x, y] = [a[p]![k]!, a[q]![k]!];
          a[p]![k] = c * x - s * y;
          a[q]![k] = s * x + c * y;
        }
        for (let k = 0; k < size; k++) {
          const [x, y] = [vectors[k]![p]!, vectors[k]![q]!];
          vectors[k]![p] = c * x - s * y;
          vectors[k]![q] = s * x + c * y;
        }
      }
    }
  }
  return a
    .map((row, i) => ({ value: row[i]!, vector: Float64Array.from(vectors, (each) => each[i]!) }))
    .sort((x, y) => y.value - x.value);
}
