import { decodeBfloat16, decodeHalf } from "./float16.ts";

/**
 * Element types. All of them may stand in a file; C64 and floats of fewer than 16 bits cannot be read. Written are F32, F16,
 * BF16, I32 and BOOL.
 */
export type SafetensorsDtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL"
  | "C64"
  | "F8_E4M3"
  | "F8_E4M3FNUZ"
  | "F8_E5M2"
  | "F8_E5M2FNUZ"
  | "F8_E8M0"
  | "F6_E2M3"
  | "F6_E3M2"
  | "F4";

type UnreadDtype = Extract<SafetensorsDtype, "C64" | "F4" | `F6_${string}` | `F8_${string}`>;

type ReadDtype = Exclude<SafetensorsDtype, UnreadDtype>;

/** Values as they come from a file: F16 and BF16 as float32, BOOL as bytes 0 and 1, the others in their own type. */
export type SafetensorsValues =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

interface Coding {
  /** Bytes of one element. */
  readonly sizeBytes: number;
  decode(buffer: ArrayBuffer): SafetensorsValues;
}

/** How each type is stored. Every number in a file is little-endian, as on every machine that runs JavaScript. */
export const codings: Readonly<Record<ReadDtype, Coding>> = {
  F64: { sizeBytes: 8, decode: (buffer) => new Float64Array(buffer) },
  F32: { sizeBytes: 4, decode: (buffer) => new Float32Array(buffer) },
  F16: { sizeBytes: 2, decode: (buffer) => decodeHalf(new Uint16Array(buffer)) },
  BF16: { sizeBytes: 2, decode: (buffer) => decodeBfloat16(new Uint16Array(buffer)) },
  I64: { sizeBytes: 8, decode: (buffer) => new BigInt64Array(buffer) },
  I32: { sizeBytes: 4, decode: (buffer) => new Int32Array(buffer) },
  I16: { sizeBytes: 2, decode: (buffer) => new Int16Array(buffer) },
  I8: { sizeBytes: 1, decode: (buffer) => new Int8Array(buffer) },
  U64: { sizeBytes: 8, decode: (buffer) => new BigUint64Array(buffer) },
  U32: { sizeBytes: 4, decode: (buffer) => new Uint32Array(buffer) },
  U16: { sizeBytes: 2, decode: (buffer) => new Uint16Array(buffer) },
  U8: { sizeBytes: 1, decode: (buffer) => new Uint8Array(buffer) },
  BOOL: { sizeBytes: 1, decode: (buffer) => new Uint8Array(buffer) },
};

/** Bits of one element of the types that cannot be read: what the places in a file are checked with. */
const unreadBits: Readonly<Record<UnreadDtype, number>> = {
  C64: 64,
  F8_E4M3: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
};

/** Bytes of one element, a fraction for the narrowest; `undefined` when the format has no such type. */
export function elementBytes(dtype: string): number | undefined {
  if (Object.hasOwn(codings, dtype)) return codings[dtype as ReadDtype].sizeBytes;
  return Object.hasOwn(unreadBits, dtype) ? unreadBits[dtype as UnreadDtype] / 8 : undefined;
}

/** How a type is stored; `undefined` when it cannot be read. */
export function codingOf(dtype: SafetensorsDtype): Coding | undefined {
  return Object.hasOwn(codings, dtype) ? codings[dtype as ReadDtype] : undefined;
}

/** Every type that can stand in a file. */
export const dtypeNames: readonly string[] = [...Object.keys(codings), ...Object.keys(unreadBits)];
