/**
 * Parameter trees: flat maps from checkpoint names to tensors, and the vector-space operations on them. A point in a
 * loss landscape, a gradient, an optimiser's moment and a delta are all such trees.
 */

import { ShapeError } from "@cambium/base";
import {
  add,
  addN,
  concat,
  dispose,
  div,
  mul,
  reshape,
  type Scalar,
  scalar,
  slice,
  sqrt,
  square,
  sum,
  type Tensor,
  type Tensor1D,
  tensor1d,
  tidy,
  zerosLike,
} from "@tensorflow/tfjs-core";

/** Tensors by name. A narrower `Name` keeps the paths typed. */
export type Parameters<Name extends string = string> = ReadonlyMap<Name, Tensor>;

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

/**
 * Throws unless both trees have the same names and shapes; the order of names may differ.
 *
 * @param caller - Function to name in the message.
 * @throws {ShapeError} Naming the first path that differs.
 */
export function checkSameStructure(caller: string, a: Parameters, b: Parameters): void {
  for (const [name, tensor] of a) {
    const other = b.get(name);
    if (other === undefined)
      throw new ShapeError({ message: `${caller}: the second tree lacks "${name}", which the first one has`, name });
    if (!sameShape(tensor.shape, other.shape)) {
      throw new ShapeError({
        message: `${caller}: "${name}" has shape [${tensor.shape}] in the first tree and [${other.shape}] in the second`,
        name,
      });
    }
  }
  for (const name of b.keys()) {
    if (!a.has(name))
      throw new ShapeError({ message: `${caller}: the first tree lacks "${name}", which the second one has`, name });
  }
}

/** A tree of `f(tensor, name)` under the same names. The caller owns the results. */
export function mapParameters<Name extends string>(
  tree: Parameters<Name>,
  f: (tensor: Tensor, name: Name) => Tensor,
): Map<Name, Tensor> {
  return new Map([...tree].map(([name, tensor]) => [name, f(tensor, name)]));
}

/**
 * A tree of `f(a, b, name)` over two trees of the same structure. The caller owns the results.
 *
 * @throws {ShapeError} When the trees differ.
 */
export function zipParameters<Name extends string>(
  a: Parameters<Name>,
  b: Parameters<Name>,
  f: (a: Tensor, b: Tensor, name: Name) => Tensor,
): Map<Name, Tensor> {
  return zip("zipParameters", a, b, f);
}

function zip<Name extends string>(
  caller: string,
  a: Parameters<Name>,
  b: Parameters<Name>,
  f: (a: Tensor, b: Tensor, name: Name) => Tensor,
): Map<Name, Tensor> {
  checkSameStructure(caller, a, b);
  return new Map([...a].map(([name, tensor]) => [name, f(tensor, b.get(name)!, name)]));
}

/** Number of scalars in a tree. */
export function countParameters(tree: Parameters): number {
  let count = 0;
  for (const tensor of tree.values()) count += tensor.size;
  return count;
}

/** All values as one vector `[params]`, tensors in the tree's order. The caller owns it. */
export function flattenParameters(tree: Parameters): Tensor1D {
  if (countParameters(tree) === 0) return tensor1d([]);
  return tidy(() => concat([...tree.values()].map((tensor) => reshape(tensor, [-1])))) as Tensor1D;
}

/**
 * The inverse of `flattenParameters`: cuts a vector into tensors of the names and shapes of `like`. The caller owns them.
 *
 * @throws {ShapeError} When the vector's length is not the tree's count.
 */
export function unflattenParameters<Name extends string>(flat: Tensor1D, like: Parameters<Name>): Map<Name, Tensor> {
  const count = countParameters(like);
  if (flat.size !== count)
    throw new ShapeError({
      message: `unflattenParameters: the vector has ${flat.size} values, the tree ${count}`,
      expected: count,
      actual: flat.size,
    });
  let offset = 0;
  return mapParameters(like, (tensor) =>
    tidy(() => {
      const piece = slice(flat, [offset], [tensor.size]);
      offset += tensor.size;
      return reshape(piece, tensor.shape);
    }),
  );
}

/**
 * Inner product of two trees, `Σ aᵢ bᵢ`. The caller owns it.
 *
 * @throws {ShapeError} When the trees differ.
 */
export function dotParameters(a: Parameters, b: Parameters): Scalar {
  return tidy(() => total(zip("dotParameters", a, b, (x, y) => sum(mul(x, y)))));
}

/** Euclidean norm of a tree, `√Σ aᵢ²`. The caller owns it. */
export function normParameters(tree: Parameters): Scalar {
  return tidy(() => sqrt(total(mapParameters(tree, (tensor) => sum(square(tensor))))));
}

/** Sum of scalars; 0 for an empty tree. */
function total(scalars: Parameters): Scalar {
  return scalars.size === 0 ? scalar(0) : (addN([...scalars.values()]) as Scalar);
}

/**
 * `alpha x + y`. The caller owns the result.
 *
 * @param alpha - A number, or a tensor with one value.
 * @throws {ShapeError} When the trees differ.
 */
export function axpyParameters<Name extends string>(
  alpha: number | Tensor,
  x: Parameters<Name>,
  y: Parameters<Name>,
): Map<Name, Tensor> {
  // The reshape is for an alpha of shape [1], which would turn a scalar into a vector.
  return zip("axpyParameters", x, y, (a, b) => tidy(() => reshape(add(mul(a, alpha), b), b.shape)));
}

/**
 * Cosine of the angle between two trees; NaN when one is zero. The caller owns it.
 *
 * @throws {ShapeError} When the trees differ.
 */
export function cosineParameters(a: Parameters, b: Parameters): Scalar {
  checkSameStructure("cosineParameters", a, b);
  return tidy(() => div(dotParameters(a, b), mul(normParameters(a), normParameters(b))));
}

/** A tree of zeros of the same structure. The caller owns it. */
export function zerosLikeParameters<Name extends string>(tree: Parameters<Name>): Map<Name, Tensor> {
  return mapParameters(tree, (tensor) => zerosLike(tensor));
}

/** Copies that live on when the originals are disposed of. No values move. The caller owns them. */
export function cloneParameters<Name extends string>(tree: Parameters<Name>): Map<Name, Tensor> {
  return mapParameters(tree, (tensor) => tensor.clone());
}

/** Disposes of every tensor of a tree. */
export function disposeParameters(tree: Parameters): void {
  dispose([...tree.values()]);
}
