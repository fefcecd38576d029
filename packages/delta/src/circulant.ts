import {
  concat,
  mul,
  ones,
  reshape,
  reverse,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
} from "@tensorflow/tfjs-core";

/**
 * The circulant matrices of some vectors: `[count, size]` gives `[count, size, size]`, row j of each the vector turned j places to
 * the right, so that entry `j, t` is `w[(t − j) mod size]`.
 */
export function circulant(vectors: Tensor2D): Tensor3D {
  const [count, size] = vectors.shape;
  if (size === 1) return reshape(vectors, [count, 1, 1]);
  // Written again and again, and read in rows of one less, a vector moves by one place from row to row.
  const repeated = mul(reshape(vectors, [count, 1, size]), ones([1, size, 1]));
  const flat = reshape(repeated, [count, size * size]);
  const most: Tensor = reshape(slice(flat, [0, 0], [count, size * (size - 1)]), [count, size, size - 1]);
  return concat([most, reshape(reverse(vectors, 1), [count, size, 1])], 2) as Tensor3D;
}
