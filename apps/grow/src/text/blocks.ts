/**
 * The text of batches. A stream is cut into windows, and windows are drawn into blocks, once and for all: whoever reads the stream in blocks
 * of a shape reads the same ones, so that what a teacher made of a block serves again. Only their order changes, with the epoch and the run.
 */
import { createHash } from "node:crypto";
import { type Random, random } from "@cambium/core";

/** Text that batches are taken from. */
export interface Source {
  /** Pieces of all documents, separated. */
  readonly stream: Uint16Array;
  /** What was learnt before, and the share of the batches that it keeps, from 0 to 1. @default none */
  readonly replay?: { readonly stream: Uint16Array; readonly share: number };
}

/** Windows in a block, and pieces in a window. */
export interface BlockShape {
  readonly batch: number;
  readonly width: number;
}

/** Texts of one batch. */
export interface Block {
  readonly texts: readonly Uint16Array[];
  /** The stream, and the block's number in it. */
  readonly stream: Uint16Array;
  readonly index: number;
}

/** The blocks of a run, by number from 0. Holds no state: the same number gives the same block. */
export type Blocks = (number: number) => Block;

/** The same in all runs: who is in which block. */
const MEMBERS = random(1).at("blocks");

/** SHA-256 of a stream. */
export const hashOf = (stream: Uint16Array): string => createHash("sha256").update(stream).digest("hex");

/** Blocks of a stream, each once in an epoch, in another order in each. A few windows that fill no block are left out. */
export function blocksOf(stream: Uint16Array, { batch, width }: BlockShape, order: Random): Blocks {
  const windowCount = Math.floor(stream.length / width);
  const blockCount = Math.floor(windowCount / batch);
  if (blockCount < 1)
    throw new Error(
      `blocksOf: the stream has ${stream.length} pieces, ${batch} rows of ${width} need ${batch * width}`,
    );
  const members = MEMBERS.at(width).permutation(windowCount);
  let epoch = -1;
  let shuffled: Uint32Array = new Uint32Array();
  return (number) => {
    const ownEpoch = Math.floor(number / blockCount);
    if (ownEpoch !== epoch) {
      epoch = ownEpoch;
      shuffled = order.at(epoch).permutation(blockCount);
    }
    const index = shuffled[number % blockCount]!;
    const windows = members.subarray(index * batch, (index + 1) * batch);
    return { stream, index, texts: Array.from(windows, (at) => stream.subarray(at * width, (at + 1) * width)) };
  };
}

/** Blocks of which a share is old text, evenly spread: after `n` blocks there were `⌊n · share⌋` of them. */
export function mixBlocks(fresh: Blocks, old: Blocks, share: number): Blocks {
  return (number) => {
    const before = Math.floor(number * share);
    return Math.floor((number + 1) * share) > before ? old(before) : fresh(number - before);
  };
}

/** Blocks of a source. */
export function blocksOfSource({ stream, replay }: Source, shape: BlockShape, order: Random): Blocks {
  const fresh = blocksOf(stream, shape, order);
  if (replay === undefined || replay.share === 0) return fresh;
  return mixBlocks(fresh, blocksOf(replay.stream, shape, order.at("replay")), replay.share);
}
