import { rotateKernel } from "@cambium/kernels";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import "../gradients.ts";
import { ShapeError } from "@cambium/base";
import { runCustomKernel } from "./run-kernel.ts";

/**
 * Rotary positions: pairs of columns, one of the first half and the one at the same place of the second, turned by the angles of
 * their rows. The caller owns the result. Angles have no gradient.
 *
 * @param x - `[batch, heads, seq, dHead]`, dHead even.
 * @param cosine - Of the angles, `[batch, 1, seq, dHead / 2]`, or `[1, 1, seq, dHead / 2]` where all sequences have the same.
 * @param sine - Of the angles, of the same shape.
 * @throws {ShapeError} When the angles do not fit.
 * @see Su et al. 2021, RoFormer, arXiv:2104.09864, section 3.2.2.
 */
export function rotateRows(x: Tensor4D, cosine: Tensor, sine: Tensor): Tensor4D {
  const [batch, , rows, dHead] = x.shape;
  const expected = [cosine.shape[0] === 1 ? 1 : batch, 1, rows, dHead / 2];
  for (const [name, angles] of Object.entries({ cosine, sine })) {
    if (angles.shape.join() === expected.join()) continue;
    throw new ShapeError({
      message: `rotateRows: ${name} must have shape [${expected}] beside rows of [${x.shape}], got [${angles.shape}]`,
      name,
    });
  }
  return runCustomKernel<Tensor4D>(rotateKernel, { x, cosine, sine });
}
