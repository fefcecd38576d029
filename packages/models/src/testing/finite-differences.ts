import { type Parameters, random, valueAndGradients } from "@cambium/core";
import { add, dispose, mul, norm, type Scalar, sum, type Tensor, tidy } from "@tensorflow/tfjs-core";

/** One comparison of a derivative with a difference. */
export interface DerivativeCheck {
  readonly name: string;
  /** Along a unit direction, by the gradient. */
  readonly derivative: number;
  /** `(L(p + εv) − L(p − εv)) / 2ε` along the same direction. */
  readonly difference: number;
}

/**
 * Compares the gradient of a loss with central differences, one tensor at a time, each along a direction that is
 * the gradient's own with half as much of a random one. In float32, rounding
 * leaves errors near 5e-5 in a loss of order one at the usual step.
 *
 * @param loss - Pure, of order one.
 * @param at - The point. Not disposed.
 * @param names - Tensors to compare. @default all
 */
export function checkDerivatives(
  loss: (parameters: Parameters) => Scalar,
  at: Parameters,
  step = 0.005,
  names: readonly string[] = [...at.keys()],
): readonly DerivativeCheck[] {
  const { value, gradients } = valueAndGradients(loss, at);
  const valueAt = (name: string, moved: Tensor): number =>
    tidy(() => loss(new Map([...at, [name, moved]])).dataSync()[0]!);
  const checks = names.map((name) =>
    tidy(() => {
      const point = at.get(name)!;
      const gradient = gradients.get(name)!;
      const noise = random(7).at(name).normal(point.shape);
      const direction = unit(add(unit(gradient), mul(unit(noise), 0.5)));
      const derivative = sum(mul(gradient, direction)).dataSync()[0]!;
      const [ahead, behind] = [step, -step].map((size) => valueAt(name, add(point, mul(direction, size))));
      return { name, derivative, difference: (ahead! - behind!) / (2 * step) };
    }),
  );
  dispose([value, ...gradients.values()]);
  return checks;
}

/** A tensor at length one. */
function unit(tensor: Tensor): Tensor {
  const length = norm(tensor).dataSync()[0]!;
  return length === 0 ? tensor : mul(tensor, 1 / length);
}
