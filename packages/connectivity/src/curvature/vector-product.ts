/** Products of the Hessian with a vector, from two gradients. */
import { disposeParameters, type Parameters, unflattenParameters } from "@cambium/core";
import { tensor1d } from "@tensorflow/tfjs-core";
import { move } from "../points/combination.ts";
import type { Differentiator } from "./gradients.ts";

const lengthOf = (vector: Float64Array): number => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

/**
 * `H v ≈ (g(θ + r v) − g(θ − r v)) / 2r` with `r = 1e-3 (1 + ‖θ‖) / ‖v‖`: no second derivative of any kernel is needed. The error
 * is `O(r²)` of the third derivative, and float32's noise over r.
 *
 * @param norm - Of θ.
 */
export async function hessianVector(
  differentiator: Differentiator,
  point: Parameters,
  norm: number,
  vector: Float64Array,
): Promise<Float64Array> {
  const length = lengthOf(vector);
  if (length === 0) return new Float64Array(vector.length);
  const step = (1e-3 * (1 + norm)) / length;
  const flat = tensor1d(Float32Array.from(vector));
  const direction = unflattenParameters(flat, point);
  flat.dispose();
  const sides: Float64Array[] = [];
  try {
    for (const side of [step, -step]) {
      const moved = move(point, [direction], [side]);
      try {
        sides.push((await differentiator.at(moved)).gradient);
      } finally {
        disposeParameters(moved);
      }
    }
  } finally {
    disposeParameters(direction);
  }
  return sides[0]!.map((value, i) => (value - sides[1]![i]!) / (2 * step));
}
