import { ones, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { Masked } from "./masking.ts";
import type { PretrainingBatch } from "./objective.ts";
import type { RowShape, Rows } from "./sampling.ts";
import { SPECIAL_PIECES } from "./wordpiece.ts";

/** The share of each piece in each row, special pieces left out, `[batch * vocabularySize]`. */
function sharesOf(ids: Int32Array, { batch, seq }: RowShape, vocabularySize: number): Float32Array {
  const shares = new Float32Array(batch * vocabularySize);
  for (let i = 0; i < batch; i++) {
    const words = ids.subarray(i * seq, (i + 1) * seq).filter((id) => id >= SPECIAL_PIECES.length);
    for (const id of words) shares[i * vocabularySize + id]! += 1 / words.length;
  }
  return shares;
}

/** The tensors of a batch. The caller owns them. */
export function toBatch(
  rows: Rows,
  { ids, positions, labels }: Masked,
  shape: RowShape,
  vocabularySize: number,
): PretrainingBatch {
  const { batch, seq } = shape;
  return {
    ids: tensor2d(ids, [batch, seq], "int32"),
    types: tensor2d(rows.types, [batch, seq], "int32"),
    mask: ones([batch, seq]),
    positions: tensor1d(positions, "int32"),
    labels: tensor1d(labels, "int32"),
    shares: tensor2d(sharesOf(rows.ids, shape, vocabularySize), [batch, vocabularySize]),
  };
}
