/** Small dense matrices on the host, row by row. */

/** A matrix as rows. */
export type Rows = readonly Float64Array[];

/** A table of numbers `[rows, columns]` as rows. */
export const rowsOf = (values: ArrayLike<number>, columns: number): Rows =>
  Array.from({ length: values.length / columns }, (_, row) =>
    Float64Array.from({ length: columns }, (_, i) => values[row * columns + i]!),
  );

/** The same with the mean of each column taken off. */
export function centred(rows: Rows): Rows {
  const means = rows[0]!.map((_, column) => rows.reduce((total, row) => total + row[column]!, 0) / rows.length);
  return rows.map((row) => row.map((value, column) => value - means[column]!));
}

export const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((total, value, i) => total + value * b[i]!, 0);

/** Products of all pairs of rows. */
export const gram = (rows: Rows): Rows => rows.map((row) => Float64Array.from(rows, (other) => dot(row, other)));

export const multiply = (a: Rows, b: Rows): Rows =>
  a.map((row) =>
    Float64Array.from(b[0]!, (_, column) => row.reduce((total, value, i) => total + value * b[i]![column]!, 0)),
  );

/** Eigenvalues and eigenvectors (as columns) of a symmetric matrix, by Jacobi's rotations. */
export function eigen(symmetric: Rows): { readonly values: Float64Array; readonly vectors: Rows } {
  const a = symmetric.map((row) => Float64Array.from(row));
  const size = a.length;
  const v = a.map((_, i) => Float64Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < size; p++) for (let q = 0; q < p; q++) off += a[p]![q]! ** 2;
    if (off === 0) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, v, p, q);
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i]![i]!), vectors: v };
}

function rotate(a: readonly Float64Array[], v: readonly Float64Array[], p: number, q: number): void {
  const between = a[p]![q]!;
  if (between === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * between);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (const row of a) turn(row, p, q, c, s);
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[p]![i]!, a[q]![i]!];
    a[p]![i] = c * x - s * y;
    a[q]![i] = s * x + c * y;
  }
  for (const row of v) turn(row, p, q, c, s);
}

function turn(row: Float64Array, p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p]!, row[q]!];
  row[p] = c * x - s * y;
  row[q] = s * x + c * y;
}

/** The symmetric root of a positive semidefinite matrix. */
export function root(symmetric: Rows): Rows {
  const { values, vectors } = eigen(symmetric);
  const roots = values.map((value) => Math.sqrt(Math.max(0, value)));
  return vectors.map((row) =>
    Float64Array.from(vectors, (other) => row.reduce((total, value, i) => total + value * roots[i]! * other[i]!, 0)),
  );
}
