/**
 * What a decoder remembers of the rows before: keys and values of every attention, in memory of the cache, which forward
 * passes read and `append` writes.
 *
 * Its size is a capacity that doubles, so that one more token changes no shape; slots that hold nothing yet are masked.
 */
import { ConfigError, checkOptions, StateError } from "@cambium/base";
import type { ScopeCache } from "@cambium/core";
import {
  clone,
  dispose,
  gather,
  keep,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor1d,
  tensor2d,
  tensor4d,
  tidy,
  transpose,
} from "@tensorflow/tfjs-core";
import type { LanguageOutput } from "./language-model.ts";

/** Settings of `createCache`. */
export interface CacheOptions {
  /** Rows that fit in at first; the capacity doubles when they are full. @default 64 */
  readonly capacity?: number;
}

/** A cache that belongs to a batch of sequences, and is passed to one forward pass after another. */
export interface Cache extends ScopeCache {
  /** Rows that are in it, padding included. */
  readonly length: number;
  /** Rows that it has room for. */
  readonly capacity: number;
  /**
   * Takes up the rows of the forward pass that was just run with it.
   *
   * @param output - What that pass returned. Not disposed of.
   * @throws {StateError} When no pass was run since the last call.
   */
  append(output: LanguageOutput): Promise<void>;
  /** A copy that goes its own way from here: a prefix shared by several continuations. */
  fork(): Cache;
  /**
   * A copy whose sequence `i` is this one's `order[i]`, each as often as it is named: for beams, or for more sequences from
   * one prefix.
   *
   * @throws {ConfigError} When there is no such sequence, or none is named.
   */
  reorder(order: readonly number[]): Cache;
  /** Lets go of the tensors that it keeps. */
  dispose(): void;
}

/** One attention's memory, each array `[batch, heads, capacity, dHead]`. */
interface Memory {
  readonly heads: number;
  readonly dHead: number;
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** Everything that is remembered, as plain data but for the tensors of `once`. */
interface State {
  readonly batch: number;
  readonly length: number;
  readonly capacity: number;
  readonly memories: ReadonlyMap<string, Memory>;
  /** `[batch, capacity]`. */
  readonly mask: Float32Array;
  /** `[batch]`: the position that comes next. */
  readonly position: Int32Array;
  readonly fixed: ReadonlyMap<string, readonly Tensor[]>;
}

/** Rows of one array at a new capacity, or of other sequences. */
function copyRows(
  from: Float32Array,
  blocks: readonly number[],
  width: number,
  before: number,
  after: number,
): Float32Array {
  const to = new Float32Array(blocks.length * after * width);
  for (const [i, block] of blocks.entries()) {
    to.set(from.subarray(block * before * width, (block + 1) * before * width), i * after * width);
  }
  return to;
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The blocks of `heads` each that belong to some sequences. */
const blocksOf = (sequences: readonly number[], heads: number): number[] =>
  sequences.flatMap((sequence) => indices(heads).map((head) => sequence * heads + head));

/** The same rows for other sequences and another capacity. */
function rearrange(state: State, order: readonly number[], capacity: number): State {
  const memories = new Map(
    [...state.memories].map(([path, { heads, dHead, key, value }]) => {
      const blocks = blocksOf(order, heads);
      const copy = (values: Float32Array) => copyRows(values, blocks, dHead, state.capacity, capacity);
      return [path, { heads, dHead, key: copy(key), value: copy(value) }];
    }),
  );
  return {
    ...state,
    batch: order.length,
    capacity,
    memories,
    mask: copyRows(state.mask, order, 1, state.capacity, capacity),
    position: Int32Array.from(order, (sequence) => state.position[sequence]!),
  };
}

/** A power of two times the first capacity that has room for `rows`. */
function grown(capacity: number, rows: number): number {
  let enough = capacity;
  while (enough < rows) enough *= 2;
  return enough;
}

/**
 * An empty cache.
 *
 * @throws {ConfigError} When the capacity is no count, or an option does not exist.
 * @example
 * const cache = createCache();
 * const first = model.forward(batch, { cache });
 * await cache.append(first);
 * const next = model.forward(oneMoreToken, { cache }); // sees the rows of `batch`
 */
export function createCache(options: CacheOptions = {}): Cache {
  checkOptions("createCache", options, ["capacity"]);
  const { capacity = 64 } = options;
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new ConfigError({
      message: `createCache: capacity must be a whole number from 1, got ${capacity}`,
      capacity,
    });
  }
  const none = { batch: 0, length: 0, memories: new Map(), position: new Int32Array(0), fixed: new Map() };
  return cacheOf({ ...none, capacity, mask: new Float32Array(0) });
}

function cacheOf(initial: State): Cache {
  let state = initial;
  /** Keys and values of the forward pass that was run last. */
  const pending = new Map<string, { readonly key: Tensor4D; readonly value: Tensor4D }>();

  function forget(): void {
    for (const { key, value } of pending.values()) dispose([key, value]);
    pending.clear();
  }

  async function append(output: LanguageOutput): Promise<void> {
    const [first] = pending.values();
    if (first === undefined || output.positions === undefined) {
      throw new StateError({ message: "cache.append: no forward pass was run with this cache since the last call" });
    }
    const [batch, , rows] = first.key.shape;
    const length = state.length + rows;
    if (state.length === 0) {
      const capacity = grown(state.capacity, length);
      state = { ...state, batch, capacity, mask: new Float32Array(batch * capacity), position: new Int32Array(batch) };
    } else if (length > state.capacity) {
      state = rearrange(state, indices(state.batch), grown(state.capacity, length));
    }
    const { capacity, mask, position } = state;
    const memories = new Map(state.memories);
    for (const [path, made] of pending) {
      const [, heads, , dHead] = made.key.shape;
      const size = batch * heads * capacity * dHead;
      const memory = memories.get(path) ?? { heads, dHead, key: new Float32Array(size), value: new Float32Array(size) };
      memories.set(path, memory);
      for (const part of ["key", "value"] as const) {
        const values = (await made[part].data()) as Float32Array;
        for (let block = 0; block < batch * heads; block++) {
          const row = values.subarray(block * rows * dHead, (block + 1) * rows * dHead);
          memory[part].set(row, (block * capacity + state.length) * dHead);
        }
      }
    }
    const [seen, positions] = [await output.mask.data(), await output.positions.data()];
    const words = output.mask.shape[1];
    const front = rows - words; // keys that hooks put in front of these rows are always seen
    for (let i = 0; i < batch; i++) {
      const at = i * capacity + state.length;
      mask.fill(1, at, at + front);
      for (let j = 0; j < words; j++) {
        mask[at + front + j] = seen[i * words + j]!;
        // Padding in front of all counts too: it stands where hooks moved the first word to.
        const next = positions[i * words + j]! + (seen[i * words + j] === 0 ? 0 : 1);
        position[i] = Math.max(position[i]!, next);
      }
    }
    state = { ...state, length, memories };
    forget();
  }

  function reorder(order: readonly number[]): Cache {
    const strange = order.find((sequence) => !Number.isInteger(sequence) || sequence < 0 || sequence >= state.batch);
    if (order.length === 0 || strange !== undefined) {
      throw new ConfigError({
        message: `cache.reorder: the order must name sequences from 0 to ${state.batch - 1}, got ${strange ?? "none"}`,
        order,
      });
    }
    return copy(order);
  }

  /** A copy whose sequences are those of `order`. */
  function copy(order: readonly number[]): Cache {
    const fixed = new Map(
      [...state.fixed].map(([path, tensors]) => [
        path,
        tensors.map((tensor) => tidy(() => keep(gather(tensor, tensor1d([...order], "int32"))))),
      ]),
    );
    return cacheOf({ ...rearrange(state, order, state.capacity), fixed });
  }

  return {
    get isEmpty() {
      return state.length === 0;
    },
    get length() {
      return state.length;
    },
    get capacity() {
      return state.capacity;
    },
    get mask(): Tensor2D | undefined {
      return state.length === 0 ? undefined : tensor2d(state.mask, [state.batch, state.capacity]);
    },
    get position(): Tensor2D | undefined {
      return state.length === 0 ? undefined : tensor2d(state.position, [state.batch, 1], "int32");
    },
    get nextPosition() {
      return Math.max(0, ...state.position);
    },
    before(path) {
      const memory = state.memories.get(path);
      if (memory === undefined) return undefined;
      const { heads, dHead, key, value } = memory;
      const shape: [number, number, number, number] = [state.batch * heads, 1, state.capacity, dHead];
      return { columns: transpose(tensor4d(key, shape), [0, 1, 3, 2]), rows: tensor4d(value, shape) };
    },
    record(path, key, value) {
      const former = pending.get(path);
      if (former !== undefined) dispose([former.key, former.value]); // a pass whose rows were not taken up
      pending.set(path, { key: keep(clone(key)), value: keep(clone(value)) });
    },
    once(path, make) {
      const known = state.fixed.get(path);
      if (known !== undefined) return known;
      const made = make().map((tensor) => keep(clone(tensor)));
      state = { ...state, fixed: new Map([...state.fixed, [path, made]]) };
      return made;
    },
    append,
    fork: () => copy(indices(state.batch)),
    reorder,
    dispose() {
      forget();
      for (const tensors of state.fixed.values()) dispose([...tensors]);
      state = { ...state, fixed: new Map() };
    },
  };
}
