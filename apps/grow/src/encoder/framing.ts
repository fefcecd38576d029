import { SPECIAL_PIECES } from "./special-pieces.ts";

/** Sequences in a batch, and pieces in a sequence. */
export interface RowShape {
  readonly batch: number;
  readonly seq: number;
}

/** Text for one step. */
export interface Rows {
  /** Pieces, `[batch * seq]`. */
  readonly ids: Int32Array;
  /** 0 for the first text of a row, 1 for the second, `[batch * seq]`. */
  readonly types: Int32Array;
}

const CLASSIFICATION = SPECIAL_PIECES.indexOf("[CLS]");
const SEPARATOR = SPECIAL_PIECES.indexOf("[SEP]");

/** Pieces of text in a row of `seq`. */
export const textWidth = (seq: number): number => seq - 2;

/**
 * Rows as an encoder reads them. The first half of a batch are pairs, `[CLS] A [SEP] B [SEP]`, where B follows A; the second half
 * are single texts. So both kinds of input are seen.
 *
 * @param texts - Of each row, `textWidth(seq)` pieces. A pair has no room for the last one.
 */
export function framedRows(texts: readonly Uint16Array[], seq: number): Rows {
  const firstWidth = (seq - 3) >> 1;
  const ids = new Int32Array(texts.length * seq);
  const types = new Int32Array(ids.length);
  for (const [i, text] of texts.entries()) {
    const at = i * seq;
    ids[at] = CLASSIFICATION;
    ids[at + seq - 1] = SEPARATOR;
    if (i < texts.length / 2) {
      ids.set(text.subarray(0, firstWidth), at + 1);
      ids[at + 1 + firstWidth] = SEPARATOR;
      ids.set(text.subarray(firstWidth, seq - 3), at + 2 + firstWidth);
      types.fill(1, at + 2 + firstWidth, at + seq);
    } else ids.set(text, at + 1);
  }
  return { ids, types };
}
