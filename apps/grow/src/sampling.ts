import type { Random } from "@cambium/core";
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

/**
 * A function from a step to its rows. It holds no state: the same step gives the same rows.
 *
 * The stream is cut into windows, another cut and another order in each epoch. The first half of a batch are pairs,
 * `[CLS] A [SEP] B [SEP]`, where B follows A; the second half are single texts. So both kinds of input are seen.
 *
 * @param stream - Pieces of all documents, with `[SEP]` between them.
 */
export function createSampler(stream: Uint16Array, { batch, seq }: RowShape, random: Random): (step: number) => Rows {
  const width = seq - 2;
  const windowCount = Math.floor(stream.length / width) - 1;
  if (windowCount < 1)
    throw new Error(`createSampler: the stream has ${stream.length} pieces, sequences of ${seq} need ${2 * width}`);
  const firstWidth = (seq - 3) >> 1;
  const secondWidth = seq - 3 - firstWidth;
  let epoch = -1;
  let order: Uint32Array = new Uint32Array();
  let phase = 0;

  function windowStart(row: number): number {
    const rowEpoch = Math.floor(row / windowCount);
    if (rowEpoch !== epoch) {
      epoch = rowEpoch;
      order = random.at("order").at(epoch).permutation(windowCount);
      phase = random.at("phase").at(epoch).integers(1, width)[0]!;
    }
    return phase + order[row % windowCount]! * width;
  }

  return (step) => {
    const ids = new Int32Array(batch * seq);
    const types = new Int32Array(batch * seq);
    for (let i = 0; i < batch; i++) {
      const at = i * seq;
      const start = windowStart(step * batch + i);
      ids[at] = CLASSIFICATION;
      ids[at + seq - 1] = SEPARATOR;
      if (i < batch / 2) {
        const second = start + firstWidth;
        ids.set(stream.subarray(start, start + firstWidth), at + 1);
        ids[at + 1 + firstWidth] = SEPARATOR;
        ids.set(stream.subarray(second, second + secondWidth), at + 2 + firstWidth);
        types.fill(1, at + 2 + firstWidth, at + seq);
      } else ids.set(stream.subarray(start, start + width), at + 1);
    }
    return { ids, types };
  };
}
