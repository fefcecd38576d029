/** Small square matrices on the host, in double precision: by rows. */
import { eigenOfSymmetric } from "../curvature/tridiagonal.ts";

/** A matrix by its rows. */
export type Matrix = readonly (readonly number[])[];

export const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));

export const product = (a: Matrix, b: Matrix): Matrix => {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => row.reduce((sum, value, k) => sum + value * column[k]!, 0)));
};

export const sumOf = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((value, j) => value + b[i]![j]!));

const diagonal = (values: readonly number[]): Matrix =>
  values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));

/** Eigenvalues, falling, and vectors as columns. */
export function eigen(symmetric: Matrix): { readonly values: readonly number[]; readonly vectors: Matrix } {
  const pairs = eigenOfSymmetric(symmetric);
  return { values: pairs.map(({ value }) => value), vectors: transposed(pairs.map(({ vector }) => [...vector])) };
}

/** `f` of a symmetric matrix. */
export function ofSymmetric(symmetric: Matrix, f: (value: number) => number): Matrix {
  const { values, vectors } = eigen(symmetric);
  return product(product(vectors, diagonal(values.map(f))), transposed(vectors));
}

/** The orthogonal matrix R with the greatest `tr(R N)`: `V Uᵀ` of `N = U S Vᵀ` (Schönemann 1966). */
export function rotationFor(n: Matrix): Matrix {
  const size = n.length;
  const { values, vectors } = eigen(product(transposed(n), n)); // V and S²
  const right = transposed(vectors); // rows are the vectors of V
  const columns = right.map((v) => n.map((row) => row.reduce((sum, value, k) => sum + value * v[k]!, 0))); // N v = s u
  const noise = 1e-12 * Math.sqrt(Math.max(values[0] ?? 0, 0));
  const left: number[][] = [];
  for (const [i, column] of columns.entries()) {
    const candidates = [column, ...Array.from({ length: size }, (_, k) => column.map((__, j) => (j === k ? 1 : 0)))];
    for (const [which, candidate] of candidates.entries()) {
      if (which === 0 && !(Math.sqrt(Math.max(values[i]!, 0)) > noise)) continue;
      const rest = [...candidate];
      for (let pass = 0; pass < 2; pass++) {
        for (const before of left) {
          const share = rest.reduce((sum, value, k) => sum + value * before[k]!, 0);
          before.forEach((value, k) => {
            rest[k]! -= share * value;
          });
        }
      }
      const length = Math.hypot(...rest);
      if (!(length > (which === 0 ? noise : 1e-6))) continue;
      left.push(rest.map((value) => value / length));
      break;
    }
  }
  return product(vectors, left); // V Uᵀ: the rows of `left` are the columns of U
}

export { diagonal };
