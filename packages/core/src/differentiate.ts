import { engine, type Scalar, type Tensor, zerosLike } from "@tensorflow/tfjs-core";
import "./gradients.ts";
import type { Parameters } from "./parameters.ts";

/** A loss, its gradient, and the parameters it does not depend on. */
export interface ValueAndGradients<Name extends string = string> {
  readonly value: Scalar;
  readonly gradients: Map<Name, Tensor>;
  /** Names whose gradient is zero because the loss does not read them. */
  readonly unreached: readonly Name[];
}

/**
 * A loss and its gradient at a point. Parameters that the loss does not reach get zeros and are listed.
 *
 * Gradients of anything but `at` are neither computed nor traced. The caller owns the value and the gradients.
 *
 * @param loss - A scalar function of a tree, pure.
 * @param at - The point.
 * @example
 * const { value, gradients } = valueAndGradients((q) => sum(square(q.get("w")!)), new Map([["w", w]]));
 */
export function valueAndGradients<Name extends string>(
  loss: (parameters: Parameters<Name>) => Scalar,
  at: Parameters<Name>,
): ValueAndGradients<Name> {
  const names = [...at.keys()];
  const points = [...at.values()];
  const { value, grads } = engine().gradients(
    () => loss(new Map(names.map((name, i) => [name, points[i]!]))),
    points,
    undefined,
    true,
  );
  const found = grads as readonly (Tensor | null | undefined)[];
  return {
    value: value as Scalar,
    gradients: new Map(names.map((name, i) => [name, found[i] ?? zerosLike(points[i]!)])),
    unreached: names.filter((_, i) => found[i] == null),
  };
}
