/** Objectives with a closed form: the loss is the squared distance to a target, which comes with the batch. */
import type { Objective, Parameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import {
  mul,
  reshape,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  tensor1d,
} from "@tensorflow/tfjs-core";

/** What the loss is the distance to. */
export interface TargetBatch {
  readonly target: Tensor1D;
}

/** A target, again and again. */
export function targets(list: readonly ArrayLike<number>[]): Batches<TargetBatch> {
  return {
    batchCount: list.length,
    describe: () => ({ targets: list.map((target) => Array.from(target)) }),
    async *epoch(_epoch, from = 0) {
      for (const [i, target] of list.entries())
        if (i >= from)
          yield { batch: { target: tensor1d(Float32Array.from(target)) }, rows: 1, isLast: i === list.length - 1 };
    },
  };
}

/** A tree of one vector. */
export const vector = (values: ArrayLike<number>): Parameters =>
  new Map<string, Tensor>([["w", tensor1d(Float32Array.from(values))]]);

/** `½ ‖w − target‖²`. */
export function towards(start: Parameters): Objective<TargetBatch> {
  return {
    parameters: start,
    describe: () => "towards",
    loss: (parameters, { target }) => mul(sum(square(sub(reshape(parameters.get("w")!, [-1]), target))), 0.5) as Scalar,
  };
}

/** All numbers of a tree. */
export const valuesOf = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);
