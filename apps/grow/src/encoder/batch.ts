import { ones, type Tensor2D, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { RowShape, Rows } from "./framing.ts";
import type { Masked } from "./masking.ts";

/** The tensors of rows with hidden pieces to guess. The caller owns them. */
export function toMaskedBatch({ types }: Rows, { ids, positions, labels }: Masked, { batch, seq }: RowShape) {
  return {
    ids: tensor2d(ids, [batch, seq], "int32"),
    types: tensor2d(types, [batch, seq], "int32"),
    mask: ones([batch, seq]) as Tensor2D,
    positions: tensor1d(positions, "int32"),
    labels: tensor1d(labels, "int32"),
  };
}
