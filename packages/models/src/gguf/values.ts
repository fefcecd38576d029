/** Values of a GGUF file's metadata: numbers, texts, and arrays of them, which are read when they are asked for. */
import type { Broken, Cursor } from "./cursor.ts";

/** A value that is no array. Whole numbers of 64 bits that a double cannot hold are bigints. */
export type GgufScalar = number | bigint | boolean | string;

/** An array, before its values are read. */
export interface GgufArray {
  /** Type of the values, such as `"STRING"`. */
  readonly of: string;
  readonly length: number;
  /**
   * The values.
   *
   * @throws {FormatError} When a text is not UTF-8.
   */
  values(): readonly GgufScalar[];
}

/** A value of the metadata. */
export type GgufValue = GgufScalar | GgufArray;

/** A number's type: its bytes, and how one is read. */
interface NumberType {
  readonly name: string;
  readonly sizeBytes: number;
  read(data: DataView, at: number): number | bigint | boolean;
}

const safe = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

const numberTypes: ReadonlyMap<number, NumberType> = new Map([
  [0, { name: "UINT8", sizeBytes: 1, read: (data, at) => data.getUint8(at) }],
  [1, { name: "INT8", sizeBytes: 1, read: (data, at) => data.getInt8(at) }],
  [2, { name: "UINT16", sizeBytes: 2, read: (data, at) => data.getUint16(at, true) }],
  [3, { name: "INT16", sizeBytes: 2, read: (data, at) => data.getInt16(at, true) }],
  [4, { name: "UINT32", sizeBytes: 4, read: (data, at) => data.getUint32(at, true) }],
  [5, { name: "INT32", sizeBytes: 4, read: (data, at) => data.getInt32(at, true) }],
  [6, { name: "FLOAT32", sizeBytes: 4, read: (data, at) => data.getFloat32(at, true) }],
  [7, { name: "BOOL", sizeBytes: 1, read: (data, at) => data.getUint8(at) !== 0 }],
  [10, { name: "UINT64", sizeBytes: 8, read: (data, at) => safe(data.getBigUint64(at, true)) }],
  [11, { name: "INT64", sizeBytes: 8, read: (data, at) => safe(data.getBigInt64(at, true)) }],
  [12, { name: "FLOAT64", sizeBytes: 8, read: (data, at) => data.getFloat64(at, true) }],
] satisfies (readonly [number, NumberType])[]);

const STRING = 8;
const ARRAY = 9;

/** Reads a value behind its type. `what` names it in messages. */
export function readValue(cursor: Cursor, what: string, broken: Broken): GgufValue {
  const type = cursor.uint32(what);
  if (type === STRING) return cursor.decode(cursor.text(what), what);
  if (type === ARRAY) return readArray(cursor, what, broken);
  const from = numberAt(cursor, type, what, broken);
  return numberTypes.get(type)!.read(cursor.data, from);
}

/** Steps over numbers of a type, and says where they begin. */
function numberAt(cursor: Cursor, type: number, what: string, broken: Broken, count = 1): number {
  const found = numberTypes.get(type);
  if (found === undefined)
    throw broken(`${what} is of type ${type}, which no version of the format has; copy it again`);
  const from = cursor.skip(found.sizeBytes * count, what);
  if (found.name === "BOOL") {
    for (let i = 0; i < count; i++) {
      const byte = cursor.data.getUint8(from + i);
      if (byte > 1) throw broken(`${what} is a truth value of ${byte}, neither 0 nor 1; write the file again`);
    }
  }
  return from;
}

function readArray(cursor: Cursor, what: string, broken: Broken): GgufArray {
  const type = cursor.uint32(what);
  if (type === ARRAY) throw broken(`${what} is an array of arrays, which nothing here reads; write the file again`);
  if (type === STRING) {
    const length = cursor.count(8, `the length of ${what}`);
    const places = Array.from({ length }, (_, i) => cursor.text(`text ${i} of ${what}`));
    return {
      of: "STRING",
      length,
      values: () => places.map((place, i) => cursor.decode(place, `text ${i} of ${what}`)),
    };
  }
  const found = numberTypes.get(type);
  const length = cursor.count(found?.sizeBytes ?? 1, `the length of ${what}`);
  const from = numberAt(cursor, type, what, broken, length);
  const { name, sizeBytes, read } = found!;
  return {
    of: name,
    length,
    values: () => Array.from({ length }, (_, i) => read(cursor.data, from + i * sizeBytes)),
  };
}
