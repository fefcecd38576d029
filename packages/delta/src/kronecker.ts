import { mul, reshape, type Tensor2D } from "@tensorflow/tfjs-core";

/** The Kronecker product `a ⊗ b`: `[m, n]` and `[p, q]` give `[m · p, n · q]`, block i, j of which is `a[i, j] · b`. */
export function kronecker(a: Tensor2D, b: Tensor2D): Tensor2D {
  const [m, n] = a.shape;
  const [p, q] = b.shape;
  return reshape(mul(reshape(a, [m, 1, n, 1]), reshape(b, [1, p, 1, q])), [m * p, n * q]);
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
