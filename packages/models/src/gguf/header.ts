/**
 * The front of a GGUF file: metadata, and name, type, shape and place of every tensor.
 *
 * A file may come from anywhere, so nothing in it is believed: what it says is compared with its size before anything is read or
 * allocated by it. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { type Files, FormatError, fileSize } from "@cambium/base";
import { type Broken, Cursor, SHORT } from "./cursor.ts";
import { type TensorType, tensorTypes } from "./tensor-types.ts";
import { type GgufValue, readValue } from "./values.ts";

/** One tensor of a file. */
export interface GgufTensor {
  readonly type: TensorType;
  /** From the outermost axis to the innermost, `[rows, columns]`: the file has them the other way round. */
  readonly shape: readonly number[];
  /** Where its bytes begin in the file. */
  readonly from: number;
  readonly sizeBytes: number;
}

/** What a file says in front of its data. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = 0x46554747; // "GGUF", little-endian
const KEY_LIMIT_BYTES = 65535;
/** llama.cpp's names have at most 63 bytes; this leaves room. */
const NAME_LIMIT_BYTES = 255;
const DIMENSION_LIMIT = 4;
/** Vocabularies of 256,000 tokens with their merges take some 12 MB. */
const HEADER_LIMIT_BYTES = 2 ** 28;
const FIRST_BYTES = 2 ** 22;

/** Makes the errors of a file. */
export function brokenGguf(files: Files, name: string): Broken {
  return (problem, cause) =>
    new FormatError({
      message: `gguf: "${name}" in ${files.location}: ${problem}`,
      cause,
      name,
      location: files.location,
    });
}

/**
 * Reads and checks the header of a file, and little else of it.
 *
 * @throws {FileError} When the file cannot be read.
 * @throws {FormatError} When it is no complete, well-formed GGUF file of version 2 or 3; names what is wrong and where.
 */
export async function readGgufHeader(files: Files, name: string): Promise<GgufHeader> {
  const broken = brokenGguf(files, name);
  const fileBytes = await fileSize(files, name);
  let bytes = new Uint8Array(0);
  for (let size = FIRST_BYTES; ; size *= 4) {
    const to = Math.min(size, fileBytes, HEADER_LIMIT_BYTES);
    const more = await files.read(name, { from: bytes.length, to });
    if (more.length !== to - bytes.length) throw broken("the file changed while it was read; open it again");
    const joined = new Uint8Array(to);
    joined.set(bytes);
    joined.set(more, bytes.length);
    bytes = joined;
    try {
      return parseHeader(new Cursor(bytes, fileBytes, broken), fileBytes, broken);
    } catch (error) {
      if (error !== SHORT) throw error;
      if (to === HEADER_LIMIT_BYTES)
        throw broken(`the header has more than ${HEADER_LIMIT_BYTES} bytes; copy it again`);
    }
  }
}

function parseHeader(cursor: Cursor, fileBytes: number, broken: Broken): GgufHeader {
  checkVersion(cursor, broken);
  const tensorCount = cursor.count(25, "the number of tensors");
  const metadata = readMetadata(cursor, cursor.count(13, "the number of metadata"), broken);
  const stated = Array.from({ length: tensorCount }, (_, i) => readTensor(cursor, i, broken));
  const alignment = alignmentOf(metadata, broken);
  const dataFrom = Math.ceil(cursor.place / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const { name, offset, bytes, ...tensor } of stated) {
    const fail = (problem: string): FormatError => broken(`tensor "${name}": ${problem}`);
    if (tensors.has(name)) throw fail("there are two of this name; write the file again");
    if (offset % BigInt(alignment) !== 0n) {
      throw fail(`it begins at ${offset}, no multiple of the alignment of ${alignment}; write the file again`);
    }
    if (offset + bytes > BigInt(Math.max(0, fileBytes - dataFrom))) {
      throw fail(
        `${tensor.type.name} takes ${bytes} bytes from ${offset} on, and the file has ${Math.max(0, fileBytes - dataFrom)} of data; it is truncated, copy it again`,
      );
    }
    tensors.set(name, { ...tensor, from: dataFrom + Number(offset), sizeBytes: Number(bytes) });
  }
  checkPlaces(tensors, broken);
  return { metadata, tensors };
}

function checkVersion(cursor: Cursor, broken: Broken): void {
  const magic = cursor.uint32("the first word");
  if (magic !== MAGIC) throw broken('it does not begin with "GGUF"; is this a GGUF file?');
  const version = cursor.uint32("the version");
  if (version === 2 || version === 3) return;
  if ([2, 3].includes(version >>> 24) && (version & 0xffffff) === 0) {
    throw broken(
      "its numbers are big-endian, which is not read; convert it with gguf-convert-endian of the Python package gguf",
    );
  }
  throw broken(`it is of version ${version}, and versions 2 and 3 are read; convert it with a newer llama.cpp`);
}

function readMetadata(cursor: Cursor, count: number, broken: Broken): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const what = `the key of metadata ${i}`;
    const key = cursor.decode(cursor.text(what, KEY_LIMIT_BYTES), what);
    if (key === "") throw broken(`${what} is empty; write the file again`);
    if (metadata.has(key)) throw broken(`the metadata have the key "${key}" twice; write the file again`);
    metadata.set(key, readValue(cursor, `"${key}"`, broken));
  }
  return metadata;
}

interface StatedTensor extends Pick<GgufTensor, "type" | "shape"> {
  readonly name: string;
  readonly offset: bigint;
  readonly bytes: bigint;
}

function readTensor(cursor: Cursor, index: number, broken: Broken): StatedTensor {
  const what = `the name of tensor ${index}`;
  const name = cursor.decode(cursor.text(what, NAME_LIMIT_BYTES), what);
  const tensor = `tensor "${name}"`;
  const dimensions = cursor.uint32(tensor);
  if (dimensions < 1 || dimensions > DIMENSION_LIMIT) {
    throw broken(
      `${tensor}: ${dimensions} dimensions, and from 1 to ${DIMENSION_LIMIT} are meant; copy the file again`,
    );
  }
  const sizes = Array.from({ length: dimensions }, () => cursor.uint64(tensor));
  const number = cursor.uint32(tensor);
  const offset = cursor.uint64(tensor);
  const type = tensorTypes.get(number);
  if (type === undefined) {
    throw broken(`${tensor}: its type is ${number}, which is not known; quantise the model to another type`);
  }
  const count = sizes.reduce((product, size) => product * size, 1n);
  if (sizes[0]! % BigInt(type.blockSize) !== 0n) {
    throw broken(
      `${tensor}: rows of ${sizes[0]} are no whole blocks of ${type.name}, which have ${type.blockSize} each`,
    );
  }
  const bytes = (count / BigInt(type.blockSize)) * BigInt(type.blockBytes);
  return { name, type, shape: sizes.reverse().map(Number), offset, bytes };
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, broken: Broken): number {
  const given = metadata.get("general.alignment") ?? 32;
  if (typeof given === "number" && given > 0 && Number.isInteger(Math.log2(given)) && given <= 2 ** 30) return given;
  throw broken(`"general.alignment" is ${typeof given === "object" ? "an array" : given}, and a power of two is meant`);
}

/** Throws unless no two tensors share bytes. */
function checkPlaces(tensors: ReadonlyMap<string, GgufTensor>, broken: Broken): void {
  const placed = [...tensors].filter(([, { sizeBytes }]) => sizeBytes > 0).sort(([, a], [, b]) => a.from - b.from);
  for (const [i, [name, { from }]] of placed.entries()) {
    const before = placed[i - 1];
    if (before === undefined || from >= before[1].from + before[1].sizeBytes) continue;
    throw broken(`tensor "${name}" overlaps "${before[0]}"; write the file again`);
  }
}
