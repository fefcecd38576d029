/** How numbers stand in a GGUF file: every type that the format knows, and how those that can be read become float32. */
import { decodeBfloat16, decodeHalf } from "@cambium/core";
import { type Decode, decodeQ40, decodeQ41, decodeQ50, decodeQ51, decodeQ80 } from "./blocks-32.ts";
import { decodeQ4K, decodeQ5K, decodeQ6K } from "./blocks-256.ts";

/** A type of tensors. */
export interface TensorType {
  readonly name: string;
  /** Numbers that stand together: the rows of a tensor are whole blocks. */
  readonly blockSize: number;
  readonly blockBytes: number;
  /** Values as float32; absent for types that cannot be read. */
  readonly decode?: Decode;
}

/** A view of 16-bit numbers, of a copy where they do not begin at an even byte. */
function words(bytes: Uint8Array, count: number): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, count);
}

const copyFloats: Decode = (bytes, target) =>
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes.subarray(0, target.byteLength));

const type = (name: string, blockSize: number, blockBytes: number, decode?: Decode): TensorType => ({
  name,
  blockSize,
  blockBytes,
  ...(decode !== undefined && { decode }),
});

/** By the number that stands in a file. */
export const tensorTypes: ReadonlyMap<number, TensorType> = new Map([
  [0, type("F32", 1, 4, copyFloats)],
  [1, type("F16", 1, 2, (bytes, target) => target.set(decodeHalf(words(bytes, target.length))))],
  [2, type("Q4_0", 32, 18, decodeQ40)],
  [3, type("Q4_1", 32, 20, decodeQ41)],
  [6, type("Q5_0", 32, 22, decodeQ50)],
  [7, type("Q5_1", 32, 24, decodeQ51)],
  [8, type("Q8_0", 32, 34, decodeQ80)],
  [9, type("Q8_1", 32, 40)],
  [10, type("Q2_K", 256, 84)],
  [11, type("Q3_K", 256, 110)],
  [12, type("Q4_K", 256, 144, decodeQ4K)],
  [13, type("Q5_K", 256, 176, decodeQ5K)],
  [14, type("Q6_K", 256, 210, decodeQ6K)],
  [15, type("Q8_K", 256, 292)],
  [16, type("IQ2_XXS", 256, 66)],
  [17, type("IQ2_XS", 256, 74)],
  [18, type("IQ3_XXS", 256, 98)],
  [19, type("IQ1_S", 256, 50)],
  [20, type("IQ4_NL", 32, 18)],
  [21, type("IQ3_S", 256, 110)],
  [22, type("IQ2_S", 256, 82)],
  [23, type("IQ4_XS", 256, 136)],
  [24, type("I8", 1, 1)],
  [25, type("I16", 1, 2)],
  [26, type("I32", 1, 4)],
  [27, type("I64", 1, 8)],
  [28, type("F64", 1, 8)],
  [29, type("IQ1_M", 256, 56)],
  [30, type("BF16", 1, 2, (bytes, target) => target.set(decodeBfloat16(words(bytes, target.length))))],
  [34, type("TQ1_0", 256, 54)],
  [35, type("TQ2_0", 256, 66)],
  [39, type("MXFP4", 32, 17)],
  [40, type("NVFP4", 64, 36)],
  [41, type("Q1_0", 128, 18)],
]);

/** Names of the types that can be read. */
export const readableTypes: readonly string[] = [...tensorTypes.values()].flatMap(({ name, decode }) =>
  decode === undefined ? [] : [name],
);
