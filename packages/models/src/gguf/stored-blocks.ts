/** Blocks of 32 numbers of a GGUF file as blocks in memory: the same codes, scales and minima, each in its own array. */
import { halfTable } from "./half-table.ts";

/** Codes, scales and minima of some blocks, of which whole ones are filled in from block `at` on. */
export interface BlockTarget {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly minima?: Float32Array;
}

/** A type of blocks. */
export interface StoredBlocks {
  readonly bits: 4 | 8;
  readonly hasMinima: boolean;
  /** Fills a target's blocks from `at` on with those of `bytes`. */
  place(bytes: Uint8Array, target: BlockTarget, at: number): void;
}

const halfAt = (halves: Float32Array, bytes: Uint8Array, at: number): number =>
  halves[bytes[at]! | (bytes[at + 1]! << 8)]!;

/** 16 bytes with numbers i and i + 16 of a block in byte i, as bytes with numbers 2j and 2j + 1 in byte j. */
function placeNibbles(bytes: Uint8Array, from: number, codes: Uint8Array, to: number): void {
  for (let j = 0; j < 8; j++) {
    const [first, second] = [bytes[from + 2 * j]!, bytes[from + 2 * j + 1]!];
    codes[to + j] = (first & 15) | ((second & 15) << 4);
    codes[to + 8 + j] = (first >> 4) | (second & 0xf0);
  }
}

/** Types by their names in `tensorTypes`. */
export const storedBlocks: Readonly<Record<string, StoredBlocks>> = {
  Q4_0: {
    bits: 4,
    hasMinima: false,
    place(bytes, { codes, scales }, at) {
      const halves = halfTable();
      for (let from = 0, block = at; from < bytes.length; from += 18, block++) {
        scales[block] = halfAt(halves, bytes, from);
        placeNibbles(bytes, from + 2, codes, 16 * block);
      }
    },
  },
  Q4_1: {
    bits: 4,
    hasMinima: true,
    place(bytes, { codes, scales, minima }, at) {
      const halves = halfTable();
      for (let from = 0, block = at; from < bytes.length; from += 20, block++) {
        scales[block] = halfAt(halves, bytes, from);
        minima![block] = halfAt(halves, bytes, from + 2);
        placeNibbles(bytes, from + 4, codes, 16 * block);
      }
    },
  },
  Q8_0: {
    bits: 8,
    hasMinima: false,
    place(bytes, { codes, scales }, at) {
      const halves = halfTable();
      for (let from = 0, block = at; from < bytes.length; from += 34, block++) {
        scales[block] = halfAt(halves, bytes, from);
        for (let i = 0; i < 32; i++) codes[32 * block + i] = bytes[from + 2 + i]! ^ 128; // signed to counted from 128
      }
    },
  },
};
