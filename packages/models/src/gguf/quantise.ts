/**
 * Float32 to the types that files are written in. Blocks are those that gguf-py and llama.cpp's reference make of the same numbers:
 * every step is rounded to float32 as there.
 */
import { encodeBfloat16, encodeHalf } from "@cambium/core";

/** A type that can be written. */
export interface Encoding {
  /** Number of the type in the file. */
  readonly type: number;
  readonly blockSize: number;
  readonly blockBytes: number;
  encode(values: Float32Array): Uint8Array;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Half a unit and more goes away from zero, as C's `roundf` has it. */
function roundAway(value: number): number {
  const size = Math.abs(value);
  const whole = Math.floor(size);
  return Math.sign(value) * (whole + Math.floor(2 * (size - whole)));
}

/** `1 / scale` in float32, 0 for 0. */
const inverse = (scale: number): number => (scale === 0 ? 0 : Math.fround(1 / scale));

/** Scales of blocks as halves, each in the first two bytes of its block. */
function placeScales(bytes: Uint8Array, scales: Float32Array, blockBytes: number): void {
  for (const [block, half] of encodeHalf(scales).entries()) {
    bytes[block * blockBytes] = half & 0xff;
    bytes[block * blockBytes + 1] = half >> 8;
  }
}

/** `q = round(x / d)` in a signed byte, with `d = max |x| / 127`. */
function encodeQ80(values: Float32Array): Uint8Array {
  const scales = new Float32Array(values.length / 32);
  const bytes = new Uint8Array(scales.length * 34);
  for (let block = 0; block < scales.length; block++) {
    let most = 0;
    for (let i = 0; i < 32; i++) most = Math.max(most, Math.abs(values[block * 32 + i]!));
    scales[block] = most / 127;
    const times = inverse(scales[block]!);
    for (let i = 0; i < 32; i++) {
      bytes[block * 34 + 2 + i] = roundAway(Math.fround(values[block * 32 + i]! * times)) & 0xff;
    }
  }
  placeScales(bytes, scales, 34);
  return bytes;
}

/** `q = floor(x / d + 8.5)` in four bits, with `d` an eighth of the number farthest from 0, turned round. */
function encodeQ40(values: Float32Array): Uint8Array {
  const scales = new Float32Array(values.length / 32);
  const bytes = new Uint8Array(scales.length * 18);
  for (let block = 0; block < scales.length; block++) {
    let farthest = 0;
    for (let i = 0; i < 32; i++) {
      const value = values[block * 32 + i]!;
      if (Math.abs(value) > Math.abs(farthest)) farthest = value;
    }
    scales[block] = farthest / -8;
    const times = inverse(scales[block]!);
    const code = (i: number): number =>
      Math.min(15, Math.trunc(Math.fround(Math.fround(values[block * 32 + i]! * times) + 8.5)));
    for (let i = 0; i < 16; i++) bytes[block * 18 + 2 + i] = code(i) | (code(i + 16) << 4);
  }
  placeScales(bytes, scales, 18);
  return bytes;
}

/** How matrices are stored in a GGUF file. */
export type GgufDtype = "float32" | "float16" | "bfloat16" | "q8_0" | "q4_0";

/** How each is written. */
export const encodings: Readonly<Record<GgufDtype, Encoding>> = {
  float32: { type: 0, blockSize: 1, blockBytes: 4, encode: bytesOf },
  float16: { type: 1, blockSize: 1, blockBytes: 2, encode: (values) => bytesOf(encodeHalf(values)) },
  bfloat16: { type: 30, blockSize: 1, blockBytes: 2, encode: (values) => bytesOf(encodeBfloat16(values)) },
  q8_0: { type: 8, blockSize: 32, blockBytes: 34, encode: encodeQ80 },
  q4_0: { type: 2, blockSize: 32, blockBytes: 18, encode: encodeQ40 },
};

/** The largest number that survives in each type: scales of blocks are halves. */
export const largest: Readonly<Record<GgufDtype, number>> = {
  float32: Number.POSITIVE_INFINITY,
  float16: 65519.99,
  bfloat16: 3.3961775292304e38,
  q8_0: 65519.99 * 127,
  q4_0: 65519.99 * 8,
};
