/** Bytes of GGUF files, right or wrong. */

/** A value of the metadata: its type's number, and its bytes. */
export type RawValue = readonly [type: number, ...bytes: (Uint8Array | number)[]];

/** One tensor as a file states it: sizes from the innermost axis on. */
export interface RawTensor {
  readonly name: string | Uint8Array;
  readonly sizes: readonly (number | bigint)[];
  readonly type: number;
  readonly offset: number | bigint;
  /** @default how many sizes there are */
  readonly dimensions?: number;
}

/** What a file says. */
export interface RawGguf {
  readonly magic?: string;
  readonly version?: number;
  readonly metadata?: readonly (readonly [key: string | Uint8Array, value: RawValue])[];
  readonly metadataCount?: number | bigint;
  readonly tensors?: readonly RawTensor[];
  readonly tensorCount?: number | bigint;
  /** Where data begin. @default 32 */
  readonly alignment?: number;
  readonly data?: Uint8Array;
}

export const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
};

export const u64 = (value: number | bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
};

export const f32 = (value: number): Uint8Array => new Uint8Array(new Float32Array([value]).buffer);

/** A text behind its length. */
export const text = (value: string | Uint8Array): Uint8Array => {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return join([u64(bytes.length), bytes]);
};

export const join = (parts: readonly (Uint8Array | number)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "number" ? [part] : [...part])));

/** Values of the types that tests use. */
export const value = {
  u32: (number: number): RawValue => [4, u32(number)],
  f32: (number: number): RawValue => [6, f32(number)],
  bool: (byte: number): RawValue => [7, byte],
  text: (words: string | Uint8Array): RawValue => [8, text(words)],
  /** An array of a type, of its stated length. */
  array: (type: number, length: number | bigint, ...bytes: readonly Uint8Array[]): RawValue => [
    9,
    u32(type),
    u64(length),
    ...bytes,
  ],
};

export function rawGguf(given: RawGguf): Uint8Array {
  const { magic = "GGUF", version = 3, metadata = [], tensors = [], alignment = 32, data = new Uint8Array(0) } = given;
  const front = join([
    new TextEncoder().encode(magic),
    u32(version),
    u64(given.tensorCount ?? tensors.length),
    u64(given.metadataCount ?? metadata.length),
    ...metadata.flatMap(([key, [type, ...bytes]]) => [text(key), u32(type), ...bytes]),
    ...tensors.flatMap(({ name, sizes, type, offset, dimensions = sizes.length }) => [
      text(name),
      u32(dimensions),
      ...sizes.map(u64),
      u32(type),
      u64(offset),
    ]),
  ]);
  const from = Math.ceil(front.length / alignment) * alignment;
  const bytes = new Uint8Array(data.length > 0 ? from + data.length : front.length);
  bytes.set(front);
  if (data.length > 0) bytes.set(data, from);
  return bytes;
}
