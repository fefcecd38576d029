/**
 * Files of `torch.save`: a zip archive with a pickle of the dictionary and a file of numbers for each storage.
 *
 * The archive is `zip.ts`, the form before it `legacy.ts`, the pickle `pickle.ts`, what the pickle says `state-dict.ts`; here
 * tensors are read.
 */
import { type Files, FormatError, fileSize, openFiles } from "@cambium/base";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { codingOf, elementBytes, type SafetensorsValues } from "../safetensors/dtype.ts";
import type { SafetensorsEntry } from "../safetensors/header.ts";
import { isZip, looksLike } from "../safetensors/looks-like.ts";
import { lookUp, type Safetensors, toTensor } from "../safetensors/read.ts";
import { openLegacy } from "./legacy.ts";
import { type Fail, readStateDict, type Storage, type StoredTensor } from "./state-dict.ts";
import { openStoredZip } from "./zip.ts";

/** What every pickle of protocol 2 or later begins with. */
const PICKLE = 0x80;
/** Largest pickle: dictionaries have some hundred bytes for each tensor. */
const PICKLE_LIMIT_BYTES = 100_000_000;

/**
 * Opens a dictionary of tensors that PyTorch saved (`torch.save(model.state_dict(), path)`), such as `pytorch_model.bin`. Its pickle is
 * read, not run: it can name nothing but tensors, and a file that asks for anything else is refused with the name. Tensors are read
 * from their place when asked for, and their checksums verified; files of the form before PyTorch 1.6 have none.
 *
 * @param source - The folder, or a string for `openFiles`.
 * @param name - Such as `"pytorch_model.bin"`.
 * @throws {FileError} When the file cannot be read.
 * @throws {FormatError} When it is none of PyTorch's files, damaged, or holds anything but tensors; the field `global` has the name
 *   that was asked for.
 * @example
 * const file = await openTorchFile("adapters/old", "adapter_model.bin");
 * const all = await file.load();
 */
export async function openTorchFile(source: string | Files, name: string): Promise<Safetensors> {
  const files = openFiles(source);
  const { location } = files;
  const fail: Fail = (problem, fields = {}) =>
    new FormatError({ message: `openTorchFile: "${name}" in ${location}: ${problem}`, name, location, ...fields });
  const where = `"${name}" in ${location}`;
  const first = await files.read(name, { from: 0, to: Math.min(8, await fileSize(files, name)) });
  if (isZip(first)) return openArchive(files, name, where, fail);
  if (first[0] !== PICKLE) throw fail(describeStart(first));
  const { tensors, readStorage } = await openLegacy(files, name, PICKLE_LIMIT_BYTES, fail);
  return viewOf(tensors, readStorage, where, fail);
}

async function openArchive(files: Files, name: string, where: string, fail: Fail): Promise<Safetensors> {
  const zip = await openStoredZip(files, name, fail);
  if (zip.names.some((each) => each.includes("/code/")))
    throw fail("it is a TorchScript program; save the state dict instead");
  const pickles = zip.names.filter((each) => each.endsWith("/data.pkl"));
  if (pickles.length !== 1) throw fail(`it has ${pickles.length} pickles of data; is it a file of torch.save?`);
  const [pickle] = pickles as [string];
  const root = pickle.slice(0, -"data.pkl".length);
  if (zip.sizeOf(pickle)! > PICKLE_LIMIT_BYTES)
    throw fail(`its pickle has ${zip.sizeOf(pickle)} bytes, more than ${PICKLE_LIMIT_BYTES}`);
  if (zip.sizeOf(`${root}byteorder`) !== undefined) {
    const order = new TextDecoder().decode(await zip.read(`${root}byteorder`));
    if (order !== "little")
      throw fail(`its numbers are stored in the byte order ${JSON.stringify(order.slice(0, 20))}`);
  }
  const bytes = await zip.read(pickle);
  const check = ({ key, dtype, count }: Storage): void => {
    const [stored, stated] = [zip.sizeOf(`${root}data/${key}`), count * elementBytes(dtype)!];
    if (stored === stated) return;
    throw fail(
      stored === undefined
        ? `the storage "${key}" is missing`
        : `the storage "${key}" has ${stored} bytes, and ${count} numbers of ${dtype} take ${stated}`,
    );
  };
  const { tensors, end } = readStateDict(bytes, check, fail);
  if (end !== bytes.length) throw fail(`${bytes.length - end} bytes follow the end of its pickle`);
  return viewOf(tensors, ({ key }) => zip.read(`${root}data/${key}`), where, fail);
}

/** What a file seems to be that is neither an archive nor a pickle. */
function describeStart(first: Uint8Array): string {
  const start = Array.from(first.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return (
    looksLike(first) ??
    `it begins with ${start || "nothing"}, and is no archive; is it a file of torch.save, and complete?`
  );
}

/** The numbers of a tensor, in the order of its shape. */
function gather<Values extends SafetensorsValues>(values: Values, { offset, shape, strides }: StoredTensor): Values {
  const count = shape.reduce((product, each) => product * each, 1);
  let step = 1;
  let isDense = true;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) isDense = false;
    step *= shape[axis]!;
  }
  if (count === 0 || isDense) return values.slice(offset, offset + count) as Values;
  const gathered = new (values.constructor as new (length: number) => Values)(count);
  const place = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    gathered[i] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
  return gathered;
}

/** Tensors as a file of safetensors shows them. */
function viewOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  readStorage: (storage: StoredTensor["storage"]) => Promise<Uint8Array<ArrayBuffer>>,
  where: string,
  fail: Fail,
): Safetensors {
  const entries = new Map<string, SafetensorsEntry>(
    [...tensors].map(([key, { storage, shape }]) => {
      const count = shape.reduce((product, each) => product * each, 1);
      return [key, { dtype: storage.dtype, shape, sizeBytes: count * elementBytes(storage.dtype)! }];
    }),
  );
  // Neighbours often lie in one storage: the last that was read is kept while a call reads several.
  async function readAll<Result>(
    names: Iterable<string>,
    make: (name: string, values: SafetensorsValues) => Result,
  ): Promise<Result[]> {
    const made: Result[] = [];
    let last: { readonly key: string; readonly values: SafetensorsValues } | undefined;
    for (const name of names) {
      const tensor = lookUp(tensors, name, where);
      const { storage } = tensor;
      if (last?.key !== storage.key) {
        const { buffer } = await readStorage(storage);
        last = { key: storage.key, values: codingOf(storage.dtype)!.decode(buffer) };
      }
      made.push(make(name, gather(last.values, tensor)));
    }
    return made;
  }
  const asTensor = (name: string, values: SafetensorsValues): Tensor =>
    toTensor(entries.get(name)!, values, (problem) => fail(`"${name}": ${problem}`));
  return {
    metadata: {},
    entries,
    tensor: async (name) => (await readAll([name], asTensor))[0]!,
    values: async (name) => (await readAll([name], (_, values) => values))[0]!,
    async load(names = entries.keys()) {
      const loaded = new Map<string, Tensor>();
      try {
        await readAll(new Set(names), (name, values) => loaded.set(name, asTensor(name, values)));
      } catch (error) {
        dispose([...loaded.values()]);
        throw error;
      }
      return loaded;
    },
  };
}
