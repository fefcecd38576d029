import { add, expandDims, type Tensor, zeros } from "@tensorflow/tfjs-core";

/**
 * A tensor once for each row of a batch, `[batch, ...shape]`. A sum with zeros in place of `tile`, whose gradient is one
 * slice for each row.
 */
export function repeatForBatch(x: Tensor, batch: number): Tensor {
  return add(expandDims(x, 0), zeros([batch, ...x.shape.map(() => 1)]));
}
