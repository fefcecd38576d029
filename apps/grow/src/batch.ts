import { ones, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { Masked } from "./masking.ts";
import type { PretrainingBatch } from "./objective.ts";
import type { RowShape, Rows } from "./sampling.ts";

/** The tensors of a batch. The caller owns them. */
export function toBatch(
  { types, order }: Omit<Rows, "ids">,
  { ids, positions, labels }: Masked,
  { batch, seq }: RowShape,
): PretrainingBatch {
  return {
    ids: tensor2d(ids, [batch, seq], "int32"),
    types: tensor2d(types, [batch, seq], "int32"),
    mask: ones([batch, seq]),
    positions: tensor1d(positions, "int32"),
    labels: tensor1d(labels, "int32"),
    order: tensor1d(order, "int32"),
  };
}
