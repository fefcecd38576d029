/** Identities and inverses of small matrices, many at once. */
import {
  concat,
  customGrad,
  div,
  fill,
  type GradSaveFunc,
  matMul,
  neg,
  oneHot,
  range,
  reshape,
  slice,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tile,
} from "@tensorflow/tfjs-core";

/** `[size, size]`, of operations and not of the host's numbers, so that a step with it can be replayed. */
export function identity(size: number): Tensor2D {
  // tfjs's oneHot refuses a depth of 1.
  return size === 1 ? fill([1, 1], 1) : (oneHot(range(0, size, 1, "int32"), size, 1, 0, "float32") as Tensor2D);
}

/**
 * Inverses by Gauss and Jordan's elimination, without an exchange of rows: for matrices whose symmetric part is positive definite,
 * such as `1 + Q` of a skew-symmetric Q, no pivot vanishes. Differentiable. `O(count · size³)`, in `7 · size` operations.
 *
 * @param matrices - `[count, size, size]`.
 */
export function inverse(matrices: Tensor3D): Tensor3D {
  const invert = customGrad((given, save) => {
    const value = eliminate(given as Tensor3D);
    (save as GradSaveFunc)([value]);
    return {
      value,
      gradFunc: (slope: Tensor, [inverted]: Tensor[]) => [
        neg(matMul(matMul(inverted as Tensor3D, slope as Tensor3D, true, false), inverted as Tensor3D, false, true)),
      ],
    };
  });
  return invert(matrices) as Tensor3D;
}

function eliminate(matrices: Tensor3D): Tensor3D {
  const [count, size] = matrices.shape;
  const one = identity(size);
  let rows: Tensor = concat([matrices, tile(reshape(one, [1, size, size]), [count, 1, 1])], 2); // [count, size, 2 size]
  for (let k = 0; k < size; k++) {
    const pivot = slice(rows, [0, k, k], [count, 1, 1]);
    const row = div(slice(rows, [0, k, 0], [count, 1, 2 * size]), pivot);
    const others = sub(slice(rows, [0, 0, k], [count, size, 1]), reshape(slice(one, [0, k], [size, 1]), [1, size, 1]));
    rows = sub(rows, matMul(others as Tensor3D, row as Tensor3D));
  }
  return slice(rows, [0, 0, size], [count, size, size]) as Tensor3D;
}
