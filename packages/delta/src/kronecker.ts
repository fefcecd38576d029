import {
  customGrad,
  expandDims,
  matMul,
  mul,
  reshape,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  transpose,
} from "@tensorflow/tfjs-core";

/** The Kronecker product `a ⊗ b`: `[m, n]` and `[p, q]` give `[m · p, n · q]`, block i, j of which is `a[i, j] · b`. */
export function kronecker(a: Tensor2D, b: Tensor2D): Tensor2D {
  const [m, n] = a.shape;
  const [p, q] = b.shape;
  return reshape(mul(reshape(a, [m, 1, n, 1]), reshape(b, [1, p, 1, q])), [m * p, n * q]);
}

/**
 * `x (a ⊗ b)ᵀ`, the product not made.
 *
 * @param x - `[..., n · q]`.
 * @param a - `[m, n]`.
 * @param factors - b `[p, q]`, or the matrices that it is the product of.
 * @returns `[..., m · p]`
 */
export function applyKronecker(x: Tensor, a: Tensor2D, factors: readonly Tensor2D[]): Tensor {
  const [m, n] = a.shape;
  const [p, q] = [factors[0]!.shape[0], factors.at(-1)!.shape[1]];
  const rows = x.size / (n * q);
  const pieces = factors.reduceRight((y, b) => matMul(y, b, false, true), reshape(x, [rows * n, q]) as Tensor2D);
  return reshape(mixPieces(a, reshape(pieces, [rows, n, p])), [...x.shape.slice(0, -1), m * p]);
}

/** `a` `[m, n]` times each row's `[n, p]`: many small products, which take less time than turning the rows for a large one. */
function mixPieces(a: Tensor2D, pieces: Tensor3D): Tensor {
  const mix = customGrad((...given: unknown[]) => {
    const [matrix, rows, save] = given as [Tensor2D, Tensor3D, (tensors: Tensor[]) => void];
    save([matrix, rows]);
    return {
      value: matMul(expandDims(matrix) as Tensor3D, rows),
      gradFunc: (slope: Tensor, saved: Tensor[]) => {
        const [of, at] = saved as [Tensor2D, Tensor3D];
        const dy = slope as Tensor3D;
        return [sum(matMul(dy, at, false, true), 0), matMul(expandDims(of) as Tensor3D, dy, true, false)];
      },
    };
  });
  return mix(a, pieces);
}

/**
 * Two divisors of a width, the smaller first: `factor` itself where it divides it, else the most balanced whose smaller is at most
 * `factor`, and -1 for the most balanced of all. The rule of LyCORIS.
 */
export function divideWidth(width: number, factor: number): readonly [small: number, large: number] {
  if (factor > 0 && width % factor === 0) return [factor, width / factor];
  const most = factor === -1 ? width : factor;
  let found: readonly [number, number] = [1, width];
  for (let small = 2; small * small <= width && small <= most; small++) {
    if (width % small === 0) found = [small, width / small];
  }
  return found;
}

/**
 * `x Σᵢ Aᵢ ⊗ (sᵢ tᵢ)`, the products not made.
 *
 * @param x - `[..., n · k]`.
 * @param rule - The A, `[n, n, n]`.
 * @param left - The s, `[n, k, p]`.
 * @param right - The t, `[n, p, m]`.
 * @returns `[..., n · m]`
 */
export function applyPhm(x: Tensor, rule: Tensor3D, left: Tensor3D, right: Tensor3D): Tensor {
  const [n, k, p] = left.shape;
  const m = right.shape[2];
  const rows = x.size / (n * k);
  // Each of the n pieces of x through every sᵢ: [rows · n, n · p], then [rows, n (piece), n (i), p].
  const flat = reshape(transpose(left, [1, 0, 2]), [k, n * p]) as Tensor2D;
  const narrow = reshape(matMul(reshape(x, [rows * n, k]) as Tensor2D, flat), [rows, n, n, p]);
  // Mixed by Aᵢ over the pieces: for each i [rows · p, n (piece)] times [n, n].
  const pieces = reshape(transpose(narrow, [2, 0, 3, 1]), [n, rows * p, n]) as Tensor3D;
  const mixed = reshape(matMul(pieces, rule), [n, rows, p, n]);
  // Through tᵢ, and summed over i: [rows · n, n · p] times [n · p, m].
  const wide = reshape(transpose(mixed, [1, 3, 0, 2]), [rows * n, n * p]) as Tensor2D;
  return reshape(matMul(wide, reshape(right, [n * p, m]) as Tensor2D), [...x.shape.slice(0, -1), n * m]);
}
