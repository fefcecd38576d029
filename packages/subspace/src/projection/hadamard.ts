/** The Hadamard transform, as products with small Hadamard matrices: no large one is ever made. */
import { ShapeError } from "@cambium/base";
import { dispose, matMul, reshape, type Tensor1D, type Tensor2D, tensor2d, tidy } from "@tensorflow/tfjs-core";

/** Largest factor: 2^6. Larger ones read memory less often and multiply more. */
const MOST_BITS = 6;

/** The smallest power of two that is not below `size`. */
export function powerOfTwo(size: number): number {
  let power = 1;
  while (power < size) power *= 2;
  return power;
}

/** The Hadamard matrix of Sylvester, `H[i][j] = (−1)^(number of bits that i and j share)`, unnormalised. The caller owns it. */
function hadamardMatrix(size: number): Tensor2D {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let isOdd = false;
      for (let shared = i & j; shared > 0; shared &= shared - 1) isOdd = !isOdd;
      values[i * size + j] = isOdd ? -1 : 1;
    }
  }
  return tensor2d(values, [size, size]);
}

/** Small Hadamard matrices whose Kronecker product is the one of a size. */
export interface HadamardFactors {
  readonly size: number;
  /** The first one counts the highest bits. */
  readonly matrices: readonly Tensor2D[];
}

/**
 * Factors of the Hadamard matrix of a size. The caller owns the matrices.
 *
 * @param size - A power of two.
 */
export function hadamardFactors(size: number): HadamardFactors {
  if (!(size >= 1) || powerOfTwo(size) !== size)
    throw new ShapeError({ message: `hadamardTransform: the length must be a power of two, got ${size}`, size });
  const bits = Math.round(Math.log2(size));
  const count = Math.max(1, Math.ceil(bits / MOST_BITS));
  const share = (k: number): number => Math.floor(((k + 1) * bits) / count) - Math.floor((k * bits) / count);
  return { size, matrices: Array.from({ length: count }, (_, k) => hadamardMatrix(2 ** share(k))) };
}

/**
 * `H x` for the unnormalised Hadamard matrix of the factors' size. Each factor is one matrix product, whose transposed result
 * brings the next bits to the end; after the last factor the order is that of the start. `O(size · factors · 64)`. The
 * gradient is the transform itself, exactly.
 *
 * @param x - `[size]`
 * @returns `[size]`, the caller owns it.
 */
export function transformBy({ size, matrices }: HadamardFactors, x: Tensor1D): Tensor1D {
  return tidy(() => {
    let values: Tensor2D = reshape(x, [1, size]);
    for (const matrix of [...matrices].reverse()) {
      const [factor] = matrix.shape;
      values = matMul(matrix, reshape(values, [size / factor, factor]) as Tensor2D, false, true); // [factor, rest]
    }
    return reshape(values, [size]);
  });
}

/**
 * The unnormalised Hadamard transform of a vector, `H x`: twice gives the vector times its length. The caller owns it.
 *
 * @param x - Its length is a power of two.
 * @throws {ShapeError} For other lengths.
 */
export function hadamardTransform(x: Tensor1D): Tensor1D {
  const factors = hadamardFactors(x.size);
  try {
    return transformBy(factors, x);
  } finally {
    dispose([...factors.matrices]);
  }
}
