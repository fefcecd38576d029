/** Sums of trees: what every point of a path or a plane is. Each is one graph, whatever the numbers in it are. */
import { cloneParameters, compile, mapParameters, type Parameters } from "@cambium/core";
import { add, mul, reshape, sub, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";

/**
 * `total · θ₀ + Σ wₖ (θₖ − θ₀)`, k from 1. Where all trees are equal and the total is 1 that is θ₀ to the bit, which
 * `Σ wₖ θₖ` is not. Whole numbers, such as indices, are those of θ₀. The caller owns the result.
 *
 * @param weights - w₁, w₂, …, of shape [1] each.
 * @param total - Of shape [1]. @default 1, without a pass over the numbers
 */
export function combineTrees(
  trees: readonly Parameters[],
  weights: readonly Tensor[],
  total?: Tensor,
): Map<string, Tensor> {
  const [first, ...others] = trees;
  return mapParameters(first!, (tensor, name) =>
    tidy(() => {
      if (tensor.dtype !== "float32") return tensor.clone();
      const parts = others.map((tree, k) => mul(sub(tree.get(name)!, tensor), weights[k]!));
      return reshape(
        parts.reduce<Tensor>((sum, part) => add(sum, part), total === undefined ? tensor : mul(tensor, total)),
        tensor.shape, // a weight of shape [1] would turn a scalar into a vector
      );
    }),
  );
}

/**
 * `θ + Σ wₖ dₖ`. A direction that lacks a name does not move that tensor. The caller owns the result.
 *
 * @param weights - Of shape [1], one for each direction.
 */
function moveTree(
  origin: Parameters,
  directions: readonly Parameters[],
  weights: readonly Tensor[],
): Map<string, Tensor> {
  return mapParameters(origin, (tensor, name) =>
    tidy(() => {
      const parts = directions.flatMap((direction, k) => {
        const part = direction.get(name);
        return part === undefined ? [] : [mul(part, weights[k]!)];
      });
      return parts.length === 0
        ? tensor.clone()
        : reshape(
            parts.reduce<Tensor>((sum, part) => add(sum, part), tensor),
            tensor.shape,
          );
    }),
  );
}

const blendAtOnce = compile((trees: readonly Parameters[], weights: readonly Tensor[]) => combineTrees(trees, weights));
const combineAtOnce = compile(combineTrees);
const moveAtOnce = compile(moveTree);

function withNumbers<T>(numbers: readonly number[], run: (tensors: readonly Tensor[]) => T): T {
  const tensors = numbers.map((value) => tensor1d([value]));
  try {
    return run(tensors);
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}

/**
 * `Σ cₖ θₖ`. A point that is one of the trees is that tree to the bit. The caller owns it.
 *
 * @param coefficients - One for each tree.
 * @param total - Their sum, where it is known without rounding. @default computed
 */
export function combine(
  trees: readonly Parameters[],
  coefficients: readonly number[],
  total: number = coefficients.reduce((sum, value) => sum + value, 0),
): Map<string, Tensor> {
  const only = coefficients.indexOf(1);
  if (only >= 0 && coefficients.every((value, k) => value === 0 || k === only)) return cloneParameters(trees[only]!);
  const own = coefficients.slice(1);
  return total === 1
    ? withNumbers(own, (weights) => blendAtOnce(trees, weights))
    : withNumbers([total, ...own], ([sum, ...weights]) => combineAtOnce(trees, weights, sum!));
}

/** `θ + Σ cₖ dₖ`. The caller owns it. */
export function move(
  origin: Parameters,
  directions: readonly Parameters[],
  steps: readonly number[],
): Map<string, Tensor> {
  return steps.every((step) => step === 0)
    ? cloneParameters(origin)
    : withNumbers(steps, (weights) => moveAtOnce(origin, directions, weights));
}
