import type { Random } from "@cambium/core";

/** The text of a row, by the row's number since the beginning of the run. Holds no state: the same number gives the same text. */
export type RowTexts = (row: number) => Uint16Array;

/** Text that rows are taken from. */
export interface Source {
  /** Pieces of all documents, separated. */
  readonly stream: Uint16Array;
  /** What was learnt before, and the share of the rows that it keeps, from 0 to 1. @default none */
  readonly replay?: { readonly stream: Uint16Array; readonly share: number };
}

/** Windows of a stream, another cut and another order in each epoch. */
export function windowsOf(stream: Uint16Array, width: number, random: Random): RowTexts {
  const windowCount = Math.floor(stream.length / width) - 1;
  if (windowCount < 1)
    throw new Error(`windowsOf: the stream has ${stream.length} pieces, rows of ${width} need ${2 * width}`);
  let epoch = -1;
  let order: Uint32Array = new Uint32Array();
  let phase = 0;
  return (row) => {
    const rowEpoch = Math.floor(row / windowCount);
    if (rowEpoch !== epoch) {
      epoch = rowEpoch;
      order = random.at("order").at(epoch).permutation(windowCount);
      phase = random.at("phase").at(epoch).integers(1, width)[0]!;
    }
    const start = phase + order[row % windowCount]! * width;
    return stream.subarray(start, start + width);
  };
}

/** Rows of which a share is old text, spread evenly: after `n` rows there were `⌊n · share⌋` of them. */
export function mixRows(fresh: RowTexts, old: RowTexts, share: number): RowTexts {
  return (row) => {
    const before = Math.floor(row * share);
    return Math.floor((row + 1) * share) > before ? old(before) : fresh(row - before);
  };
}

/** Rows of `width` pieces of a source. */
export function rowsOf({ stream, replay }: Source, width: number, random: Random): RowTexts {
  const fresh = windowsOf(stream, width, random);
  if (replay === undefined || replay.share === 0) return fresh;
  return mixRows(fresh, windowsOf(replay.stream, width, random.at("replay")), replay.share);
}
