/** Losses whose curves, barriers and Hessians are known in closed form. */
import type { Objective, Parameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import {
  add,
  mean,
  mul,
  type Scalar,
  scalar,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
} from "@tensorflow/tfjs-core";

/** Rows of numbers, which shift the loss. */
export interface NumberBatch {
  readonly x: Tensor2D;
}

/** Data of fixed batches, each a list of rows of one number. */
export function numbers(batches: readonly (readonly number[])[]): Batches<NumberBatch> {
  return {
    batchCount: batches.length,
    describe: () => ({ batches }),
    async *epoch() {
      for (const [i, rows] of batches.entries())
        yield {
          batch: { x: tensor2d([...rows], [rows.length, 1]) },
          rows: rows.length,
          isLast: i === batches.length - 1,
        };
    },
  };
}

/** A tree of one vector and one scalar. */
export const point = (u: readonly number[], s: number): Parameters =>
  new Map<string, Tensor>([
    ["u", tensor1d([...u])],
    ["s", scalar(s)],
  ]);

/**
 * `½ Σ dᵢ (uᵢ − cᵢ)² + s² + mean(x)`: its Hessian is diagonal, `d` and 2.
 *
 * @param onCall - Called each time that the loss runs in JavaScript.
 */
export function bowl(
  d: readonly number[],
  c: readonly number[],
  start: Parameters,
  onCall: () => void = () => undefined,
): Objective<NumberBatch> {
  return {
    parameters: start,
    describe: () => ({ bowl: [...d], at: [...c] }),
    loss(parameters, { x }) {
      onCall();
      const away = sub(parameters.get("u")!, tensor1d([...c]));
      const curved = mul(sum(mul(tensor1d([...d]), square(away))), 0.5);
      return add(add(curved, square(parameters.get("s")!)), mean(x)) as Scalar;
    },
  };
}

/** `4 (‖u‖² − 1)²`: a ring of minima of radius 1. On the line between opposite points the barrier is 4, on the ring it is 0. */
export function ring(start: Parameters): Objective<NumberBatch> {
  return {
    parameters: start,
    describe: () => "ring",
    loss: (parameters) => mul(square(sub(sum(square(parameters.get("u")!)), 1)), 4) as Scalar,
  };
}
