/** LoRA's freedom: `B A = (B T⁻¹)(T A)` for every invertible T. */
import {
  diagonal,
  eigen,
  type Matrix,
  ofSymmetric,
  product,
  rotationFor,
  sumOf,
  transposed,
} from "./small-matrices.ts";

/** Factors of one layer on the host. */
export interface HostFactors {
  readonly rank: number;
  readonly input: number;
  readonly output: number;
  /** `[rank, input]`, row by row. */
  readonly a: Float64Array;
  /** `[output, rank]`, row by row. */
  readonly b: Float64Array;
}

/** `X Yᵀ` of A's, `[rank, rank]`. */
function rowProducts(x: HostFactors, y: HostFactors): Matrix {
  const { rank, input } = x;
  return Array.from({ length: rank }, (_, i) =>
    Array.from({ length: rank }, (__, j) => {
      let sum = 0;
      for (let k = 0; k < input; k++) sum += x.a[i * input + k]! * y.a[j * input + k]!;
      return sum;
    }),
  );
}

/** `Xᵀ Y` of B's, `[rank, rank]`. */
function columnProducts(x: HostFactors, y: HostFactors): Matrix {
  const { rank, output } = x;
  return Array.from({ length: rank }, (_, i) =>
    Array.from({ length: rank }, (__, j) => {
      let sum = 0;
      for (let k = 0; k < output; k++) sum += x.b[k * rank + i]! * y.b[k * rank + j]!;
      return sum;
    }),
  );
}

/** Singular values below this next to the largest are noise: then factors cannot be balanced, and are only turned. */
const NOISE = 1e-5;

/** T that gives both factors the same Gram matrix, the singular values of the product, and its inverse. */
function balance(factors: HostFactors): { readonly to: Matrix; readonly back: Matrix } | undefined {
  const [gramA, gramB] = [rowProducts(factors, factors), columnProducts(factors, factors)];
  const spectrum = eigen(gramA).values;
  if (!(spectrum.at(-1)! > NOISE ** 2 * spectrum[0]!)) return undefined;
  const root = ofSymmetric(gramA, Math.sqrt);
  const inverse = ofSymmetric(gramA, (value) => 1 / Math.sqrt(value));
  const { values, vectors } = eigen(product(product(root, gramB), root)); // squares of the singular values
  const singular = values.map((value) => Math.sqrt(Math.max(value, 0)));
  if (!(singular.at(-1)! > NOISE * singular[0]!)) return undefined;
  return {
    to: product(product(diagonal(singular.map(Math.sqrt)), transposed(vectors)), inverse),
    back: product(root, product(vectors, diagonal(singular.map((value) => 1 / Math.sqrt(value))))),
  };
}

const squares = (x: HostFactors, y: HostFactors): number => {
  let sum = 0;
  for (let i = 0; i < x.a.length; i++) sum += (x.a[i]! - y.a[i]!) ** 2;
  for (let i = 0; i < x.b.length; i++) sum += (x.b[i]! - y.b[i]!) ** 2;
  return sum;
};

/** `T A` and `B T⁻¹`. */
function apply(factors: HostFactors, to: Matrix, back: Matrix): HostFactors {
  const { rank, input, output } = factors;
  const a = new Float64Array(rank * input);
  const b = new Float64Array(output * rank);
  for (let i = 0; i < rank; i++)
    for (let k = 0; k < rank; k++)
      for (let c = 0; c < input; c++) a[i * input + c]! += to[i]![k]! * factors.a[k * input + c]!;
  for (let r = 0; r < output; r++)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < rank; j++) b[r * rank + j]! += factors.b[r * rank + k]! * back[k]![j]!;
  return { ...factors, a, b };
}

/**
 * Factors of the same product that are nearest to others: both are brought to balanced factors, turned onto each other (orthogonal
 * Procrustes over A and B together), and brought back the way that the others came. A copy under any T comes back as it was. Where a
 * product has a lower rank than its factors, they are only turned. Nothing moves where that is no nearer.
 */
export function alignFactors(
  to: HostFactors,
  factors: HostFactors,
): { readonly factors: HostFactors; readonly gain: number } {
  const [ours, theirs] = [balance(to), balance(factors)];
  const identity: Matrix = Array.from({ length: to.rank }, (_, i) =>
    Array.from({ length: to.rank }, (__, j) => Number(i === j)),
  );
  const none = { to: identity, back: identity };
  const tries = [{ mine: none, other: none }];
  if (ours !== undefined && theirs !== undefined) tries.push({ mine: ours, other: theirs });
  let best = factors;
  let least = squares(to, factors);
  const start = least;
  for (const { mine, other } of tries) {
    const [a, b] = [apply(to, mine.to, mine.back), apply(factors, other.to, other.back)];
    const rotation = rotationFor(sumOf(rowProducts(b, a), columnProducts(b, a)));
    const moved = apply(
      factors,
      product(mine.back, product(rotation, other.to)),
      product(other.back, product(transposed(rotation), mine.to)),
    );
    const distance = squares(to, moved);
    if (!(distance < least)) continue;
    best = moved;
    least = distance;
  }
  return { factors: best, gain: start - least };
}
