/**
 * Blocks of 256 numbers ("K-quants"): one scale in half precision for the block, small whole numbers that scale its parts of 32
 * (or 16) by it, and the numbers themselves in 4, 5 or 6 bits. The values are those of gguf-py and of llama.cpp, bit for bit.
 */
import type { Decode } from "./blocks-32.ts";
import { halfTable } from "./half-table.ts";

/** Scale of part `part` of eight, in 6 bits, of the twelve bytes at `at`; its minimum is the same from `at + 4` on. */
function partScale(bytes: Uint8Array, at: number, part: number): number {
  if (part < 4) return bytes[at + part]! & 63;
  return (bytes[at + 4 + part]! & 15) | ((bytes[at + part - 4]! >> 6) << 4);
}

function partLeast(bytes: Uint8Array, at: number, part: number): number {
  if (part < 4) return bytes[at + 4 + part]! & 63;
  return (bytes[at + 4 + part]! >> 4) | ((bytes[at + part]! >> 6) << 4);
}

/** Two bytes of halves, twelve of scales and minima, 128 with two numbers each: parts 2k and 2k + 1 share 32 bytes. */
export const decodeQ4K: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 144, to += 256) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const least = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let part = 0; part < 8; part++) {
      const [step, offset] = [scale * partScale(bytes, at + 4, part), least * partLeast(bytes, at + 4, part)];
      const [from, shift] = [at + 16 + (part >> 1) * 32, (part & 1) * 4];
      for (let i = 0; i < 32; i++) {
        target[to + part * 32 + i] = step * ((bytes[from + i]! >> shift) & 15) - offset;
      }
    }
  }
};

/** As the one of 4 bits, with 32 bytes of fifth bits before the numbers: byte i holds those of number i of every part. */
export const decodeQ5K: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 176, to += 256) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const least = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let part = 0; part < 8; part++) {
      const [step, offset] = [scale * partScale(bytes, at + 4, part), least * partLeast(bytes, at + 4, part)];
      const [from, shift] = [at + 48 + (part >> 1) * 32, (part & 1) * 4];
      for (let i = 0; i < 32; i++) {
        const high = (bytes[at + 16 + i]! >> part) & 1;
        target[to + part * 32 + i] = step * (((bytes[from + i]! >> shift) & 15) | (high << 4)) - offset;
      }
    }
  }
};

/**
 * 128 bytes of lower halves, 64 of upper two bits, sixteen signed scales, a half. Each half of a block has four parts of 32: the
 * first two in the lower halves of 64 bytes, the others in the upper ones.
 */
export const decodeQ6K: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 210, to += 256) {
    const scale = halves[bytes[at + 208]! | (bytes[at + 209]! << 8)]!;
    for (let part = 0; part < 8; part++) {
      const [half, quarter] = [part >> 2, part & 3];
      const low = at + half * 64 + (quarter & 1) * 32;
      const high = at + 128 + half * 32;
      const [lowShift, highShift] = [(quarter >> 1) * 4, quarter * 2];
      for (let i = 0; i < 32; i++) {
        const step = scale * ((bytes[at + 192 + part * 2 + (i >> 4)]! << 24) >> 24);
        const code = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4);
        target[to + part * 32 + i] = step * (code - 32);
      }
    }
  }
};
