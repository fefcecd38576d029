/**
 * Blocks of 32 numbers: a scale in half precision, in some types a minimum, then the numbers in 4, 5 or 8 bits. In those of 4 and
 * 5 bits, byte i holds number i in its lower half and number i + 16 in its upper one; fifth bits stand together in four bytes.
 *
 * Every product and every sum is exact in JavaScript's doubles before it is rounded to float32, so that the values are those of
 * gguf-py and of llama.cpp, bit for bit.
 */
import { halfTable } from "./half-table.ts";

/** Turns whole blocks into float32, from the first of `bytes` on until `target` is full. */
export type Decode = (bytes: Uint8Array, target: Float32Array) => void;

/** `d · (q − 8)`. */
export const decodeQ40: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 18, to += 32) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 2 + i]!;
      target[to + i] = scale * ((pair & 15) - 8);
      target[to + i + 16] = scale * ((pair >> 4) - 8);
    }
  }
};

/** `d · q + m`. */
export const decodeQ41: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 20, to += 32) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const least = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 4 + i]!;
      target[to + i] = scale * (pair & 15) + least;
      target[to + i + 16] = scale * (pair >> 4) + least;
    }
  }
};

/** The four bytes of fifth bits at a place. */
const fifthBits = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** `d · (q − 16)`. */
export const decodeQ50: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 22, to += 32) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const high = fifthBits(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 6 + i]!;
      target[to + i] = scale * (((pair & 15) | (((high >>> i) & 1) << 4)) - 16);
      target[to + i + 16] = scale * (((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) - 16);
    }
  }
};

/** `d · q + m`. */
export const decodeQ51: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 24, to += 32) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const least = halves[bytes[at + 2]! | (bytes[at + 3]! << 8)]!;
    const high = fifthBits(bytes, at + 4);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 8 + i]!;
      target[to + i] = scale * ((pair & 15) | (((high >>> i) & 1) << 4)) + least;
      target[to + i + 16] = scale * ((pair >> 4) | (((high >>> (i + 16)) & 1) << 4)) + least;
    }
  }
};

/** `d · q`, q a signed byte. */
export const decodeQ80: Decode = (bytes, target) => {
  const halves = halfTable();
  for (let at = 0, to = 0; to < target.length; at += 34, to += 32) {
    const scale = halves[bytes[at]! | (bytes[at + 1]! << 8)]!;
    for (let i = 0; i < 32; i++) target[to + i] = scale * ((bytes[at + 2 + i]! << 24) >> 24);
  }
};
