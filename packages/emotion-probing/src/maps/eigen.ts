/** Eigenvalues, greatest first, and their unit vectors. */
export interface Eigen {
  readonly values: Float64Array;
  /** `vectors[k]` belongs to `values[k]`; its first largest entry is positive. */
  readonly vectors: readonly Float64Array[];
}

/** The eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations. See Golub and Van Loan 2013, §8.5. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): Eigen {
  const size = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const turns = Array.from({ length: size }, (_, i) => {
    const row = new Float64Array(size);
    row[i] = 1;
    return row;
  }); // row k becomes the k-th vector
  const scale = Math.max(...a.map((row) => row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)), 1e-300);
  for (let sweep = 0; sweep < 100; sweep++) {
    let off = 0;
    for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) off = Math.max(off, Math.abs(a[i]![j]!));
    if (off <= 1e-15 * scale) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, turns, p, q);
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]!);
  return { values: Float64Array.from(order, (i) => a[i]![i]!), vectors: order.map((i) => withSign(turns[i]!)) };
}

function rotate(a: readonly Float64Array[], turns: readonly Float64Array[], p: number, q: number): void {
  const apq = a[p]![q]!;
  if (apq === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    const [akp, akq] = [a[k]![p]!, a[k]![q]!];
    a[k]![p] = c * akp - s * akq;
    a[k]![q] = s * akp + c * akq;
  }
  for (const rows of [a, turns]) {
    for (let k = 0; k < a.length; k++) {
      const [pk, qk] = [rows[p]![k]!, rows[q]![k]!];
      rows[p]![k] = c * pk - s * qk;
      rows[q]![k] = s * pk + c * qk;
    }
  }
}

/** A vector's sign means nothing; a fixed one makes results comparable. */
function withSign(vector: Float64Array): Float64Array {
  let at = 0;
  for (let i = 1; i < vector.length; i++) if (Math.abs(vector[i]!) > Math.abs(vector[at]!) * (1 + 1e-9)) at = i;
  return vector[at]! < 0 ? vector.map((value) => -value) : vector;
}
