/** Orthogonal matrices out of skew-symmetric ones, in blocks. */
import type { Parameters } from "@cambium/core";
import {
  add,
  customGrad,
  gather,
  matMul,
  mul,
  reshape,
  scalar,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  transpose,
} from "@tensorflow/tfjs-core";
import { identity, inverse } from "./inverse.ts";
import type { DeltaTensor } from "./method.ts";

/** Frozen tensors that `skewSymmetric` needs for blocks of a size: where in a block each entry stands, and which entry each place has. */
export function skewPlaces(size: number): [name: string, tensor: DeltaTensor][] {
  const places: number[] = [];
  const entries = new Int32Array(size * size);
  const signs = new Float32Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = row + 1; column < size; column++) {
      entries[row * size + column] = entries[column * size + row] = places.length;
      signs[row * size + column] = 1;
      signs[column * size + row] = -1;
      places.push(row * size + column);
    }
  }
  const given = (
    name: string,
    values: Int32Array | Float32Array,
    dtype: "int32" | "float32",
  ): [string, DeltaTensor] => [
    `skew.${size}.${name}`,
    { shape: [values.length], dtype, start: { kind: "given", make: () => tensor1d(values, dtype) }, isStored: false },
  ];
  return [
    given("places", Int32Array.from(places), "int32"),
    given("entries", entries, "int32"),
    given("signs", signs, "float32"),
  ];
}

/**
 * `Q = −Qᵀ` by what stands above its diagonal, row after row. Differentiable.
 *
 * @param upper - `[count, size · (size − 1) / 2]`.
 * @param buffers - With the tensors of `skewPlaces`.
 * @returns `[count, size, size]`
 */
export function skewSymmetric(upper: Tensor2D, size: number, buffers: Parameters): Tensor3D {
  const [count] = upper.shape;
  const [places, entries, signs] = ["places", "entries", "signs"].map((name) => buffers.get(`skew.${size}.${name}`)!);
  // The gradient of a gather adds up over all that it reads; here each place is read twice, and is a difference.
  const spread = customGrad(() => ({
    value: reshape(mul(gather(upper, entries as Tensor1D, 1), signs!), [count, size, size]),
    gradFunc: (slope: Tensor) => {
      const difference = sub(slope, transpose(slope, [0, 2, 1]));
      return [gather(reshape(difference, [count, size * size]), places as Tensor1D, 1)];
    },
  }));
  return spread(upper) as Tensor3D;
}

/** Cayley's `(1 − Q)(1 + Q)⁻¹`, orthogonal for a skew-symmetric Q. `[count, size, size]` */
export function cayley(q: Tensor3D): Tensor3D {
  const one = reshape(identity(q.shape[1]), [1, q.shape[1], q.shape[1]]);
  return matMul(sub(one, q) as Tensor3D, inverse(add(one, q) as Tensor3D));
}

/**
 * The start of the series `1 + 2 Q + 2 Q² + …` of Cayley's form of −Q, as PEFT cuts it off: with 5 terms the last is `Q⁴`, once.
 *
 * @param terms - From 2; 4 are as 3.
 */
export function cayleySeries(q: Tensor3D, terms: number): Tensor3D {
  const two = scalar(2);
  let sum: Tensor = add(identity(q.shape[1]), mul(q, two)); // [count, size, size]
  if (terms <= 2) return sum as Tensor3D;
  let power = matMul(q, q);
  sum = add(sum, mul(power, two));
  for (let term = 3; term < terms - 1; term++) {
    power = matMul(power, q);
    sum = add(sum, mul(power, two));
  }
  return add(sum, matMul(power, q)) as Tensor3D;
}

/**
 * Groups of neighbouring columns, each times its own matrix: `x` `[..., width]` times a block-diagonal matrix.
 *
 * @param blocks - `[count, size, size]` where `count · size = width`, or one for all.
 */
export function applyBlocks(x: Tensor, blocks: Tensor3D): Tensor {
  const [count, size] = blocks.shape;
  const width = x.shape.at(-1)!;
  if (count === 1) {
    return reshape(matMul(reshape(x, [-1, size]) as Tensor2D, reshape(blocks, [size, size]) as Tensor2D), x.shape);
  }
  const grouped = transpose(reshape(x, [-1, width / size, size]), [1, 0, 2]) as Tensor3D; // [count, rows, size]
  return reshape(transpose(matMul(grouped, blocks), [1, 0, 2]), x.shape);
}
