/** What a pickle of PyTorch's says: which tensors there are, and where in which storage each lies. */
import type { FormatError } from "@cambium/base";
import type { SafetensorsDtype } from "../safetensors/dtype.ts";
import { type Dictionary, Global, type PickleRules, readPickle, Sequence } from "./pickle.ts";

/** Numbers of one type, stored together. */
export interface Storage {
  readonly key: string;
  readonly dtype: SafetensorsDtype;
  /** Numbers, not bytes. */
  readonly count: number;
}

/** A tensor as a view of a storage. */
export interface StoredTensor {
  readonly storage: Storage;
  /** Of its first number in the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Numbers from one entry to the next, along each axis. */
  readonly strides: readonly number[];
}

/** PyTorch's names for types of storages. */
const storages: Readonly<Record<string, SafetensorsDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

const storageOf = (name: string): SafetensorsDtype | undefined => {
  const [, type = ""] = /^torch\.([A-Za-z0-9]+)$/.exec(name) ?? [];
  return Object.hasOwn(storages, type) ? storages[type] : undefined;
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** A tensor, so that a dictionary of them is told from one of other things. */
class View implements StoredTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor({ storage, offset, shape, strides }: StoredTensor) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

class StorageRecord implements Storage {
  readonly key: string;
  readonly dtype: SafetensorsDtype;
  readonly count: number;

  constructor(key: string, dtype: SafetensorsDtype, count: number) {
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }
}

const builders: readonly string[] = [
  "collections.OrderedDict",
  "torch._utils._rebuild_tensor",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_parameter",
  "torch.Size",
];

/** The error of a problem with a file. */
export type Fail = (problem: string, fields?: Readonly<Record<string, unknown>>) => FormatError;

/**
 * The tensors of a pickled dictionary, by their keys, in its order, and where the pickle ends.
 *
 * @param check - Called with every storage that is named; throws unless the file has it.
 * @throws {FormatError} For names that such dictionaries do not need, values that are no tensors, and places outside of storages.
 */
export function readStateDict(
  bytes: Uint8Array,
  check: (storage: Storage) => void,
  fail: Fail,
  start = 0,
): { readonly tensors: Map<string, StoredTensor>; readonly end: number } {
  const { value, end } = readPickle(bytes, stateDictRules(check, fail), start);
  return { tensors: tensorsOf(value, fail), end };
}

/** What a pickle of tensors may name, and what comes of it. */
function stateDictRules(check: (storage: Storage) => void, fail: Fail): PickleRules {
  return {
    fail,
    allow(name) {
      if (builders.includes(name) || storageOf(name) !== undefined) return;
      throw fail(
        `its pickle asks for ${name}, which a dictionary of tensors does not need; such names are never run. If you trust the file, load it in Python, and save the state dict alone, or as safetensors`,
        { global: name },
      );
    },
    call: ({ name }, args) => build(name, args, fail),
    persistent(id) {
      const [kind, type, key, location, count, part] = id instanceof Sequence ? id.items : [];
      const dtype = type instanceof Global ? storageOf(type.name) : undefined;
      if (
        kind !== "storage" ||
        dtype === undefined ||
        typeof key !== "string" ||
        typeof location !== "string" ||
        !isCount(count)
      )
        throw fail("its pickle names a storage in a form that is not PyTorch's");
      // Before PyTorch 0.4.1 a storage could be a part of another, and often was the whole of it.
      const [, from, size] = part instanceof Sequence ? part.items : [key, 0, part == null ? count : undefined];
      if (from !== 0 || size !== count)
        throw fail(`its pickle names a part of the storage "${key}"; load it in Python, and save it again`);
      const storage = new StorageRecord(key, dtype, count);
      check(storage);
      return storage;
    },
  };
}

function build(name: string, args: readonly unknown[], fail: Fail): unknown {
  switch (name) {
    case "collections.OrderedDict":
      return orderedDict(args, fail);
    case "torch.Size":
      return args[0];
    case "torch._utils._rebuild_parameter":
      if (!(args[0] instanceof View)) throw fail("its pickle makes a parameter of what is no tensor");
      return args[0];
    case "torch._utils._rebuild_tensor":
    case "torch._utils._rebuild_tensor_v2":
      return viewOf(args, fail);
    default:
      throw fail(`its pickle calls ${name}, which is no function`);
  }
}

/** A new dictionary, of pairs where there are any. */
function orderedDict(args: readonly unknown[], fail: Fail): Dictionary {
  const made: Dictionary = new Map();
  if (args.length === 0) return made;
  const pairs = args[0] instanceof Sequence ? args[0].items : undefined;
  for (const pair of pairs ?? [undefined]) {
    const [key, value] = pair instanceof Sequence && pair.items.length === 2 ? pair.items : [];
    if (typeof key !== "string" && typeof key !== "number") throw fail("its pickle makes a dictionary of no pairs");
    made.set(key, value);
  }
  return made;
}

function viewOf(args: readonly unknown[], fail: Fail): View {
  const [storage, offset, size, stride] = args;
  const [shape, strides] = [size, stride].map((each) => (each instanceof Sequence ? each.items : undefined));
  if (
    !(storage instanceof StorageRecord) ||
    !isCount(offset) ||
    shape?.every(isCount) !== true ||
    strides?.every(isCount) !== true ||
    shape.length !== strides.length
  )
    throw fail("its pickle describes a tensor in a form that is not PyTorch's");
  const sizes = shape as number[];
  const steps = strides as number[];
  const count = sizes.reduce((product, each) => product * each, 1);
  const last = count === 0 ? offset - 1 : sizes.reduce((sum, each, i) => sum + (each - 1) * steps[i]!, offset);
  if (last >= storage.count)
    throw fail(
      `a tensor [${sizes}] reaches number ${last} of the storage "${storage.key}", which has ${storage.count}`,
    );
  if (count > storage.count)
    throw fail(
      `a tensor [${sizes}] shows the ${storage.count} numbers of the storage "${storage.key}" more than once; save it after contiguous()`,
    );
  return new View({ storage, offset, shape: sizes, strides: steps });
}

/** The tensors of the dictionary that was pickled. */
function tensorsOf(value: unknown, fail: Fail): Map<string, StoredTensor> {
  if (!(value instanceof Map)) throw fail("it is no dictionary of tensors; save the state dict of the model");
  const tensors = new Map<string, StoredTensor>();
  for (const [key, each] of value as Dictionary) {
    if (typeof key !== "string") throw fail(`it has the key ${key}, which is no name of a tensor`);
    if (!(each instanceof View))
      throw fail(
        `"${key}" is ${each instanceof Map ? `a dictionary (${[...each.keys()].slice(0, 3).join(", ")}, …)` : "no tensor"}; save the state dict alone`,
      );
    tensors.set(key, each);
  }
  return tensors;
}
