/** Singular values of matrices on the host, in double precision. */

/** `U diag(values) Vᵀ`, values falling. */
export interface Svd {
  /** By rank: columns of U, each of the matrix's rows. */
  readonly left: readonly Float64Array[];
  readonly values: readonly number[];
  /** By rank: columns of V, each of the matrix's columns. */
  readonly right: readonly Float64Array[];
}

/** A matrix by its columns. */
export type Columns = readonly Float64Array[];

/** Float32 noise: what is smaller, next to the largest column, is none. */
const NOISE = 2 ** -23;
const MOST_SWEEPS = 60;

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

const scaleBy = (a: Float64Array, factor: number): Float64Array => a.map((value) => value * factor);

/**
 * Singular values and vectors above float32's noise: orthogonalisation with pivots down to that noise, which leaves as many columns
 * as the matrix has ranks; then one-sided rotations of these (Hestenes 1958; Golub and Van Loan 2013, section 8.6.3), to twelve
 * digits. `O(rank · rows · columns + sweeps · rank² · rows)`: milliseconds for products of thin matrices, some ten seconds for a
 * full 768 x 768.
 *
 * @param matrix - By columns, each as long as there are rows. Not changed.
 */
export function svd(matrix: Columns): Svd {
  const { basis, mixed } = orthogonalise(matrix);
  // matrix = basis · mixed, mixed [rank, columns]: its rows are turned until they are orthogonal.
  const rows = mixed.map((row) => row.slice());
  const turned = basis.map((column) => column.slice());
  rotate(rows, turned);
  const order = rows
    .map((row, index) => ({ index, value: Math.sqrt(dot(row, row)) }))
    .filter(({ value }) => value > 0)
    .sort((a, b) => b.value - a.value);
  return {
    left: order.map(({ index }) => turned[index]!),
    values: order.map(({ value }) => value),
    right: order.map(({ index, value }) => scaleBy(rows[index]!, 1 / value)),
  };
}

/** Gram-Schmidt, twice for each column, the longest of the rest first: an orthonormal basis, and the matrix within it. */
function orthogonalise(matrix: Columns): { readonly basis: Float64Array[]; readonly mixed: Float64Array[] } {
  const rest = matrix.map((column) => column.slice());
  const lengths = rest.map((column) => dot(column, column));
  const least = NOISE ** 2 * Math.max(0, ...lengths);
  const basis: Float64Array[] = [];
  const height = matrix[0]?.length ?? 0;
  while (basis.length < Math.min(height, matrix.length)) {
    const pivot = lengths.reduce((best, length, i) => (length > lengths[best]! ? i : best), 0);
    if (!(lengths[pivot]! > least)) break;
    const direction = scaleBy(rest[pivot]!, 1 / Math.sqrt(lengths[pivot]!));
    for (const before of basis) subtract(direction, before, dot(direction, before));
    const unit = scaleBy(direction, 1 / Math.sqrt(dot(direction, direction)));
    basis.push(unit);
    rest.forEach((column, i) => {
      if (lengths[i] === 0) return;
      subtract(column, unit, dot(column, unit));
      lengths[i] = i === pivot ? 0 : dot(column, column);
    });
  }
  return { basis, mixed: basis.map((unit) => Float64Array.from(matrix, (column) => dot(unit, column))) };
}

function subtract(from: Float64Array, direction: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= factor * direction[i]!;
}

/** Turns pairs of rows, and the basis against them, until all rows are orthogonal. */
function rotate(rows: readonly Float64Array[], basis: readonly Float64Array[]): void {
  const squares = rows.map((row) => dot(row, row));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    let isSettled = true;
    for (let p = 0; p < rows.length; p++) {
      for (let q = p + 1; q < rows.length; q++) {
        const crossed = dot(rows[p]!, rows[q]!);
        if (!(Math.abs(crossed) > 1e-13 * Math.sqrt(squares[p]! * squares[q]!))) continue;
        isSettled = false;
        const tau = (squares[q]! - squares[p]!) / (2 * crossed);
        const tangent = Math.sign(tau || 1) / (Math.abs(tau) + Math.hypot(1, tau));
        const cosine = 1 / Math.hypot(1, tangent);
        turn(rows[p]!, rows[q]!, cosine, cosine * tangent);
        turn(basis[p]!, basis[q]!, cosine, cosine * tangent);
        squares[p] = dot(rows[p]!, rows[p]!);
        squares[q] = dot(rows[q]!, rows[q]!);
      }
    }
    if (isSettled) return;
  }
}

function turn(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = cosine * x - sine * y;
    b[i] = sine * x + cosine * y;
  }
}
