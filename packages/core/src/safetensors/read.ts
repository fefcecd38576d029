import { ConfigError, type Files, type FormatError, nearest, openFiles } from "@cambium/base";
import { tensor as createTensor, dispose, type Tensor } from "@tensorflow/tfjs-core";
import { codingOf, type SafetensorsValues } from "./dtype.ts";
import { brokenFile, type PlacedEntry, readHeader, type SafetensorsEntry } from "./header.ts";

/** Named tensors in one file or several, read when asked for. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** What there is, in the order of the bytes in the file. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /**
   * One tensor: floats as float32, integers as int32, BOOL as bool. The caller owns it.
   *
   * @throws {ConfigError} When there is no tensor of this name.
   * @throws {FormatError} When an integer does not fit into int32, or values of its type cannot be read.
   */
  tensor(name: string): Promise<Tensor>;
  /**
   * One tensor's values in the file's own type; F16 and BF16 as float32.
   *
   * @throws {ConfigError} When there is no tensor of this name.
   * @throws {FormatError} When values of its type cannot be read.
   */
  values(name: string): Promise<SafetensorsValues>;
  /**
   * Many tensors, neighbours read together. The caller owns them.
   *
   * @param names - Which. @default all
   */
  load(names?: Iterable<string>): Promise<Map<string, Tensor>>;
}

/** Neighbouring tensors are read together up to this size: what was read lives beside the tensors until it is collected. */
const GROUP_BYTES = 2 ** 21;

type Named = readonly [name: string, entry: PlacedEntry];

/** The entry of a name. */
export function lookUp<Entry>(entries: ReadonlyMap<string, Entry>, name: string, location: string): Entry {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  const close = nearest(name, entries.keys());
  const hint = close === undefined ? `it has ${entries.size} others` : `is "${close}" meant?`;
  throw new ConfigError({ message: `safetensors: no tensor "${name}" in ${location}; ${hint}`, name });
}

/** Throws for the first value that is not an int32. */
function toInt32(
  values: Exclude<SafetensorsValues, Float32Array | Float64Array>,
  fail: (problem: string) => FormatError,
): Int32Array {
  if (values instanceof Int32Array) return values;
  const integers = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    integers[i] = Number(values[i]);
    if (integers[i] !== Number(values[i]))
      throw fail(`element ${i} is ${values[i]}, beyond int32; read it with values()`);
  }
  return integers;
}

/** Values as a tensor: floats as float32, integers as int32, BOOL as bool. */
export function toTensor(
  { dtype, shape }: SafetensorsEntry,
  values: SafetensorsValues,
  fail: (problem: string) => FormatError,
): Tensor {
  const dimensions = [...shape];
  if (values instanceof Float64Array) return createTensor(Float32Array.from(values), dimensions, "float32");
  if (values instanceof Float32Array) return createTensor(values, dimensions, "float32");
  if (dtype !== "BOOL") return createTensor(toInt32(values, fail), dimensions, "int32");
  const strange = (values as Uint8Array).findIndex((value) => value > 1);
  if (strange !== -1) throw fail(`element ${strange} is ${values[strange]}, neither 0 nor 1; write the file again`);
  return createTensor(values as Uint8Array, dimensions, "bool");
}

/** Cuts tensors, in order of place, into runs of neighbours to be read at once. */
function* groupNeighbours(entries: readonly Named[]): Generator<readonly Named[]> {
  let group: Named[] = [];
  let [from, to] = [0, 0];
  for (const named of entries) {
    const [, entry] = named;
    const end = entry.from + entry.sizeBytes;
    if (group.length > 0 && (entry.from !== to || end - from > GROUP_BYTES)) {
      yield group;
      group = [];
    }
    if (group.length === 0) from = entry.from;
    group.push(named);
    to = end;
  }
  if (group.length > 0) yield group;
}

/**
 * Opens a safetensors file. Its header is read and checked; tensors are read from their place when asked for.
 *
 * @param source - The folder, or a string for `openFiles`.
 * @param name - Such as `"model.safetensors"`.
 * @throws {FileError} When the file cannot be read.
 * @throws {FormatError} When it is no complete, well-formed safetensors file; names the file, the tensor and what to do.
 * @example
 * const file = await openSafetensors("models/small", "model.safetensors");
 * const weight = await file.tensor("embeddings.word_embeddings.weight");
 */
export async function openSafetensors(source: string | Files, name: string): Promise<Safetensors> {
  const files = openFiles(source);
  const { metadata, entries } = await readHeader(files, name);
  const broken = brokenFile(files, name);
  const find = (tensor: string): PlacedEntry => lookUp(entries, tensor, `"${name}" in ${files.location}`);
  /** An entry whose values can be read. */
  const findReadable = (tensor: string): PlacedEntry => {
    const entry = find(tensor);
    if (codingOf(entry.dtype) !== undefined) return entry;
    throw broken(`its values are ${entry.dtype}, which cannot be read; convert the tensor`, tensor);
  };
  const decode = ({ dtype }: PlacedEntry, buffer: ArrayBuffer): SafetensorsValues => codingOf(dtype)!.decode(buffer);
  const asTensor = (tensor: string, entry: PlacedEntry, buffer: ArrayBuffer): Tensor =>
    toTensor(entry, decode(entry, buffer), (problem) => broken(problem, tensor));

  async function readBuffer(from: number, to: number): Promise<ArrayBuffer> {
    if (from === to) return new ArrayBuffer(0);
    const bytes = await files.read(name, { from, to });
    if (bytes.length !== to - from)
      throw broken(`${bytes.length} bytes came of ${to - from}; did the file change? Open it again`);
    // Typed arrays need their bytes at the start of a buffer that no other shares.
    const isAlone = bytes.byteLength === bytes.buffer.byteLength;
    return (isAlone ? bytes : new Uint8Array(bytes)).buffer as ArrayBuffer;
  }

  return {
    metadata,
    entries,
    async tensor(tensor) {
      const entry = findReadable(tensor);
      return asTensor(tensor, entry, await readBuffer(entry.from, entry.from + entry.sizeBytes));
    },
    async values(tensor) {
      const entry = findReadable(tensor);
      return decode(entry, await readBuffer(entry.from, entry.from + entry.sizeBytes));
    },
    async load(names = entries.keys()) {
      const wanted = [...new Set(names)].map((tensor): Named => [tensor, findReadable(tensor)]);
      wanted.sort(([, a], [, b]) => a.from - b.from);
      const tensors = new Map<string, Tensor>();
      try {
        for (const group of groupNeighbours(wanted)) {
          const [, first] = group[0]!;
          const [, last] = group.at(-1)!;
          const buffer = await readBuffer(first.from, last.from + last.sizeBytes);
          for (const [tensor, entry] of group) {
            const begin = entry.from - first.from;
            const own = group.length === 1 ? buffer : buffer.slice(begin, begin + entry.sizeBytes);
            tensors.set(tensor, asTensor(tensor, entry, own));
          }
        }
      } catch (error) {
        dispose([...tensors.values()]);
        throw error;
      }
      return tensors;
    },
  };
}

/**
 * Every tensor of a safetensors file. The caller owns them.
 *
 * @param source - The folder, or a string for `openFiles`.
 * @param name - Such as `"model.safetensors"`.
 * @throws {FileError} When the file cannot be read.
 * @throws {FormatError} When it is no complete, well-formed safetensors file.
 * @example
 * const parameters = await loadSafetensors("models/small", "model.safetensors");
 */
export async function loadSafetensors(source: string | Files, name: string): Promise<Map<string, Tensor>> {
  return (await openSafetensors(source, name)).load();
}
