/**
 * The header of a safetensors file: eight bytes with its length, then JSON with the type, shape and place of each tensor.
 *
 * A file may come from anywhere, so nothing in it is believed: no length is used to allocate or to read before it was
 * compared with the size of the file, and the tensors must fill the rest of the file without holes or overlaps.
 */
import { type Files, FormatError, fileSize } from "@cambium/base";
import { dtypeNames, elementBytes, type SafetensorsDtype } from "./dtype.ts";
import { findDuplicateKey } from "./duplicate-key.ts";
import { isZip, looksLike } from "./looks-like.ts";
import { findOddCount } from "./odd-count.ts";

/** One tensor of a file. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** In the file. */
  readonly sizeBytes: number;
  /** Name of the blocks that the file holds its values in, such as `Q4_0`, where these are not of `dtype` already. */
  readonly blocks?: string;
}

/** An entry, and where its bytes begin, counted from the start of the file. */
export interface PlacedEntry extends SafetensorsEntry {
  readonly from: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the file's bytes. */
  readonly entries: ReadonlyMap<string, PlacedEntry>;
}

/** Largest header, the same bound as in the reference implementation. */
export const HEADER_LIMIT_BYTES = 100_000_000;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Makes errors that say which file, and which tensor, is broken. */
export function brokenFile(
  files: Files,
  name: string,
): (problem: string, tensor?: string, cause?: unknown) => FormatError {
  const location = files.location;
  return (problem, tensor, cause) =>
    new FormatError({
      message: `safetensors: "${name}" in ${location}${tensor === undefined ? "" : `, tensor "${tensor}"`}: ${problem}`,
      name,
      location,
      ...(tensor === undefined ? {} : { tensor }),
      ...(cause === undefined ? {} : { cause }),
    });
}

type Broken = ReturnType<typeof brokenFile>;

function parseObject(bytes: Uint8Array, broken: Broken): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw broken("the header is not UTF-8; is this a safetensors file?", undefined, cause);
  }
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw broken("the header is not JSON; is this a safetensors file?", undefined, cause);
  }
  if (!isRecord(header)) throw broken("the header is no JSON object; is this a safetensors file?");
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw broken(`the header has the key "${duplicate}" twice; write the file again`);
  const odd = findOddCount(text);
  if (odd !== undefined) {
    throw broken(`the count ${odd.text} is no whole number in plain digits; write the file again`, odd.tensor);
  }
  return header;
}

function parseMetadata(value: unknown, broken: Broken): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw broken("the metadata is no JSON object; write the file again");
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string")
      throw broken(`the metadata "${key}" is no string; write the file again with strings only`);
  }
  return value as Record<string, string>;
}

function parseEntry(tensor: string, value: unknown, dataFrom: number, dataBytes: number, broken: Broken): PlacedEntry {
  if (!isRecord(value)) throw broken("its entry is no JSON object; write the file again", tensor);
  const { dtype, shape, data_offsets: offsets } = value;
  const elementSize = typeof dtype === "string" ? elementBytes(dtype) : undefined;
  if (elementSize === undefined) {
    throw broken(`the dtype ${JSON.stringify(dtype)} is none of ${dtypeNames.join(", ")}; convert the tensor`, tensor);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw broken(`the shape ${JSON.stringify(shape)} is no list of sizes; write the file again`, tensor);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw broken(`the offsets ${JSON.stringify(offsets)} are not two byte counts; write the file again`, tensor);
  }
  const [begin, end] = offsets as [number, number];
  if (end < begin) throw broken(`it ends at byte ${end}, before it begins at ${begin}; write the file again`, tensor);
  if (end > dataBytes) {
    throw broken(
      `it ends at byte ${end} of the data, which has ${dataBytes}; the file is truncated, copy it again`,
      tensor,
    );
  }
  const type = dtype as SafetensorsDtype;
  const sizeBytes = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, elementSize);
  if (sizeBytes !== end - begin) {
    throw broken(
      `${type} [${shape}] takes ${sizeBytes} bytes, but ${end - begin} are stored; write the file again`,
      tensor,
    );
  }
  return { dtype: type, shape, sizeBytes, from: dataFrom + begin };
}

/** Throws unless the tensors, in order, fill the data without holes or overlaps. */
function checkPlaces(
  entries: readonly (readonly [string, PlacedEntry])[],
  dataFrom: number,
  end: number,
  broken: Broken,
): void {
  let place = dataFrom;
  for (const [tensor, { from, sizeBytes }] of entries) {
    if (from !== place) {
      const what = from < place ? "overlaps the one before it" : `leaves ${from - place} bytes unused before it`;
      throw broken(`it ${what}; write the file again`, tensor);
    }
    place += sizeBytes;
  }
  if (place !== end) throw broken(`${end - place} bytes follow the last tensor; is it one file, and complete?`);
}

/**
 * Reads and checks the header of a file, and nothing else of it.
 *
 * @throws {FileError} When the file cannot be read.
 * @throws {FormatError} When it is no complete, well-formed safetensors file.
 */
export async function readHeader(files: Files, name: string): Promise<SafetensorsHeader> {
  const broken = brokenFile(files, name);
  const fileBytes = await fileSize(files, name);
  if (fileBytes < 8) throw broken(`the file has ${fileBytes} bytes, too few for a header; copy it again`);
  const prefix = await files.read(name, { from: 0, to: 8 });
  const other = looksLike(prefix);
  if (other !== undefined) throw broken(other);
  if (isZip(prefix)) throw broken("it is an archive, as PyTorch writes its own files; openTorchFile reads these");
  const stated = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (stated > HEADER_LIMIT_BYTES) {
    throw broken(
      `the header is said to have ${stated} bytes, more than ${HEADER_LIMIT_BYTES}; is this a safetensors file?`,
    );
  }
  const dataFrom = 8 + Number(stated);
  if (dataFrom > fileBytes) {
    throw broken(`the header has ${stated} bytes, the file ${fileBytes}; the file is truncated, copy it again`);
  }
  const { __metadata__, ...tensors } = parseObject(await files.read(name, { from: 8, to: dataFrom }), broken);
  const metadata = parseMetadata(__metadata__, broken);
  const placed = Object.entries(tensors)
    .map(([tensor, value]) => [tensor, parseEntry(tensor, value, dataFrom, fileBytes - dataFrom, broken)] as const)
    .sort(([, a], [, b]) => a.from - b.from || a.sizeBytes - b.sizeBytes);
  checkPlaces(placed, dataFrom, fileBytes, broken);
  return { metadata, entries: new Map(placed) };
}
