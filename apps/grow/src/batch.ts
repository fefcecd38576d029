import { ones, type Tensor2D, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import type { Masked } from "./masking.ts";
import type { PretrainingBatch } from "./objective.ts";
import type { RowShape, Rows } from "./sampling.ts";
import { SPECIAL_PIECES } from "./special-pieces.ts";

/** The share of each piece in each row, special pieces left out, `[batch * vocabularySize]`. */
function sharesOf(ids: Int32Array, { batch, seq }: RowShape, vocabularySize: number): Float32Array {
  const shares = new Float32Array(batch * vocabularySize);
  for (let i = 0; i < batch; i++) {
    const words = ids.subarray(i * seq, (i + 1) * seq).filter((id) => id >= SPECIAL_PIECES.length);
    for (const id of words) shares[i * vocabularySize + id]! += 1 / words.length;
  }
  return shares;
}

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

/** The same, with what each row is made of. */
export function toPretrainingBatch(
  rows: Rows,
  masked: Masked,
  shape: RowShape,
  vocabularySize: number,
): PretrainingBatch {
  const shares = tensor2d(sharesOf(rows.ids, shape, vocabularySize), [shape.batch, vocabularySize]);
  return { ...toMaskedBatch(rows, masked, shape), shares };
}
