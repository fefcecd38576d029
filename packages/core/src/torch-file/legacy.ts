/**
 * Files of `torch.save` as it was before PyTorch 1.6: no archive, but five pickles in a row (a number that marks such files, the version,
 * facts of the machine, the dictionary, the keys of its storages), and behind them the storages: for each a count of eight bytes, and
 * its numbers. Both are little-endian on every machine.
 *
 * Where a storage lies follows from the counts that the dictionary has: nothing is read to find it.
 *
 * @see PyTorch, torch/serialization.py, `_legacy_save`.
 */
import { type Files, fileSize } from "@cambium/base";
import { elementBytes } from "../safetensors/dtype.ts";
import { CUT, type PickleRules, readPickle, Sequence } from "./pickle.ts";
import { type Fail, readStateDict, type Storage, type StoredTensor } from "./state-dict.ts";

/** What such a file begins with, as a number of ten bytes in protocol 2 or later. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;

/** Of the file's beginning, in which pickles are looked for; eight times as many where they do not end in it. */
const FIRST_BYTES = 1_000_000;

/** Where the numbers of each storage begin, by its key, and the tensors. */
interface Layout {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly places: ReadonlyMap<string, { readonly storage: Storage; readonly from: number }>;
  /** Of the last storage. */
  readonly end: number;
}

/** What such a file holds. */
export interface LegacyFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readStorage(storage: Storage): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Opens such a file. Its numbers have no checksums; that the counts are those of the dictionary, and that the file ends with its last
 * storage, is checked.
 *
 * @param limitBytes - Largest size of all pickles.
 */
export async function openLegacy(files: Files, name: string, limitBytes: number, fail: Fail): Promise<LegacyFile> {
  const size = await fileSize(files, name);
  const { tensors, places, end } = await readLayout(files, name, Math.min(size, limitBytes), fail);
  if (end !== size)
    throw fail(
      end > size
        ? `the file is truncated: its storages end at byte ${end} of ${size}; copy it again`
        : `${size - end} bytes follow its last storage; save each dictionary in a separate file`,
    );
  return {
    tensors,
    async readStorage({ key, dtype, count }) {
      const { from } = places.get(key)!;
      const bytes = await files.read(name, { from: from - 8, to: from + count * elementBytes(dtype)! });
      if (bytes.length !== 8 + count * elementBytes(dtype)!)
        throw fail(`${bytes.length} bytes came of the storage "${key}"; did the file change? Open it again`);
      const stored = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
      if (stored !== BigInt(count))
        throw fail(`the storage "${key}" has ${stored} numbers, and its dictionary says ${count}; the file is damaged`);
      return bytes.slice(8) as Uint8Array<ArrayBuffer>; // at the start of a buffer that no other shares
    },
  };
}

/** Reads the pickles, of more and more of the file until they end in it. */
async function readLayout(files: Files, name: string, limit: number, fail: Fail): Promise<Layout> {
  for (let to = Math.min(FIRST_BYTES, limit); ; to = Math.min(8 * to, limit)) {
    const bytes = await files.read(name, { from: 0, to });
    let isCut = false;
    try {
      return parseLayout(bytes, (problem, fields) => {
        isCut ||= problem === CUT;
        return fail(problem, fields);
      });
    } catch (error) {
      if (!isCut || to >= limit) throw error;
    }
  }
}

function parseLayout(bytes: Uint8Array, fail: Fail): Layout {
  const magic = readPickle(bytes, plainRules(fail));
  if (magic.value !== MAGIC) throw fail("it is a pickle, and none of torch.save; save the state dict of the model");
  const version = readPickle(bytes, plainRules(fail), magic.end);
  if (version.value !== VERSION)
    throw fail(`it is of the version ${String(version.value)} of such files; ${VERSION} is read`);
  const machine = readPickle(bytes, plainRules(fail), version.end);
  const named = new Map<string, Storage>();
  const check = (storage: Storage): void => {
    const { dtype, count } = named.get(storage.key) ?? storage;
    if (count !== storage.count || dtype !== storage.dtype)
      throw fail(
        `the storage "${storage.key}" is of ${count} ${dtype} in one place, ${storage.count} ${storage.dtype} in another`,
      );
    named.set(storage.key, storage);
  };
  const { tensors, end } = readStateDict(bytes, check, fail, machine.end);
  const keys = readPickle(bytes, plainRules(fail), end);
  const places = new Map<string, { storage: Storage; from: number }>();
  let from = keys.end;
  for (const key of keys.value instanceof Sequence ? keys.value.items : [undefined]) {
    const storage = typeof key === "string" ? named.get(key) : undefined;
    if (storage === undefined || places.has(storage.key))
      throw fail("the storages that it lists are not those of its tensors");
    from += 8;
    places.set(storage.key, { storage, from });
    from += storage.count * elementBytes(storage.dtype)!;
  }
  const missing = [...named.keys()].find((key) => !places.has(key));
  if (missing !== undefined) throw fail(`the storage "${missing}" is missing`);
  return { tensors, places, end: from };
}

/** Of pickles of plain values. */
function plainRules(fail: Fail): PickleRules {
  const refuse = (name?: string): never => {
    const asks = name === undefined ? "" : ` that asks for ${name}, which is never run`;
    throw fail(`it is a pickle${asks}, and none of torch.save; save the state dict of the model`, { global: name });
  };
  return { fail, allow: refuse, call: ({ name }) => refuse(name), persistent: () => refuse() };
}
