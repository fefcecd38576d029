/**
 * The engine that runs everywhere: forward passes of the model with a cache, on whatever backend there is, with deltas or without.
 * Sequences lie in groups, a cache for each: what `begin` read together, padded at its ends. `add` joins lists of groups, so that
 * nothing is copied; a step is one pass for each group.
 */
import { CancelledError, ConfigError } from "@cambium/base";
import { dispose, ones, type Tensor, type Tensor2D, tensor1d, tensor2d, tidy, zeros } from "@tensorflow/tfjs-core";
import type { TokenBatch } from "../architecture.ts";
import { type Cache, createCache } from "../cache.ts";
import { lastRow } from "../heads/rows.ts";
import type { LanguageOutput } from "../language-model.ts";
import type { RunnableModel } from "../runnable.ts";
import { checkDeltas, checkReadable } from "./check-rows.ts";
import type { BeginOptions, Begun, Decoder, Sequences } from "./decoder.ts";

/** Sequences that share a cache. */
interface Group {
  readonly cache: Cache;
  /** Ids that were read, of each; of a model of two stacks, of its targets. */
  readonly counts: readonly number[];
  /** Rows that hooks put in front. */
  readonly front: number;
  /** Which delta each wants, where the model tells rows apart. */
  readonly deltas: readonly number[] | undefined;
}

/** Where a sequence lies. */
interface Place {
  readonly group: Group;
  readonly row: number;
}

/** What of a model the engine needs besides its forward pass. */
interface Kind {
  readonly model: RunnableModel;
  readonly vocab: number;
  /** What targets begin with, of a model of two stacks. */
  readonly start: number | undefined;
}

const int = (values: ArrayLike<number>, shape: [number, number]): Tensor2D =>
  tensor2d(Int32Array.from(values), shape, "int32");

/** Rows filled up at their ends, and which of their tokens are real. */
function padded(rows: readonly (readonly number[])[]): { readonly ids: Tensor2D; readonly mask: Tensor2D } {
  const seq = Math.max(...rows.map(({ length }) => length));
  const shape: [number, number] = [rows.length, seq];
  const columns = Array.from({ length: seq }, (_, column) => column);
  return {
    ids: int(
      rows.flatMap((row) => columns.map((column) => row[column] ?? row[0]!)),
      shape,
    ),
    mask: tensor2d(
      rows.flatMap((row) => columns.map((column) => (column < row.length ? 1 : 0))),
      shape,
      "float32",
    ),
  };
}

/** One pass of a group: the scores of what follows each row, and the group behind it. */
async function pass(
  { model }: Kind,
  { cache, counts, front, deltas }: Group,
  batch: TokenBatch,
  lengths: readonly number[],
): Promise<{ readonly scores: Float32Array; readonly group: Group }> {
  const isFirst = cache.isEmpty;
  const rows = deltas === undefined ? undefined : tensor1d(Int32Array.from(deltas), "int32");
  let output: LanguageOutput | undefined;
  let last: Tensor2D | undefined;
  try {
    output = model.forward(rows === undefined ? batch : { ...batch, rows }, { cache });
    const { logits, mask } = output as Required<LanguageOutput>;
    last = tidy(() => lastRow({ hidden: logits as LanguageOutput["hidden"], mask }));
    const scores = (await last.data()) as Float32Array;
    await cache.append(output);
    const read = counts.map((count, i) => count + lengths[i]!);
    return {
      scores,
      group: { cache, counts: read, front: isFirst ? cache.nextPosition - Math.max(...read) : front, deltas },
    };
  } finally {
    const fields = Object.values(output ?? {}).filter((field): field is Tensor => typeof field === "object");
    dispose([batch, rows, last, fields] as never);
  }
}

/** More ids behind the sequences of a group. */
async function extend(
  kind: Kind,
  group: Group,
  rows: readonly (readonly number[])[],
): Promise<{ readonly scores: Float32Array; readonly group: Group }> {
  const { ids, mask } = padded(rows);
  const lengths = rows.map(({ length }) => length);
  if (kind.start === undefined) return pass(kind, group, { ids, mask }, lengths);
  mask.dispose(); // targets of one length have no padding, and the source is in the cache
  const source = { ids: zeros([rows.length, 1], "int32") as Tensor2D, mask: ones([rows.length, 1]) as Tensor2D };
  return pass(kind, group, { ...source, targetIds: ids }, lengths);
}

/** The first pass over rows: of a model of two stacks over its sources and the start of the targets. */
async function first(
  kind: Kind,
  rows: readonly (readonly number[])[],
  deltas: readonly number[] | undefined,
): Promise<{ readonly scores: Float32Array; readonly group: Group }> {
  const cache = createCache();
  try {
    const group = { cache, counts: rows.map(() => 0), front: 0, deltas };
    const batch = padded(rows);
    const { start } = kind;
    if (start === undefined) {
      return await pass(
        kind,
        group,
        batch,
        rows.map(({ length }) => length),
      );
    }
    const starts = rows.map(() => start);
    const targetIds = int(starts, [rows.length, 1]);
    return await pass(
      kind,
      group,
      { ...batch, targetIds },
      rows.map(() => 1),
    );
  } catch (error) {
    cache.dispose();
    throw error;
  }
}

/** Some sequences of a group, in another cache unless they are all of them. */
function part(group: Group, order: readonly number[]): Group {
  return {
    cache: group.cache.reorder(order),
    counts: order.map((row) => group.counts[row]!),
    front: group.front,
    deltas: group.deltas && order.map((row) => group.deltas![row]!),
  };
}

const placesOf = (group: Group): Place[] => group.counts.map((_, row) => ({ group, row }));

const isWhole = (group: Group, rows: readonly number[]): boolean =>
  rows.length === group.counts.length && rows.every((row, i) => row === i);

/** Places by the groups that they are in. */
function byGroup(places: readonly Place[]): Map<Group, { readonly row: number; readonly index: number }[]> {
  const found = new Map<Group, { readonly row: number; readonly index: number }[]>();
  for (const [index, { group, row }] of places.entries()) {
    const members = found.get(group) ?? [];
    members.push({ row, index });
    found.set(group, members);
  }
  return found;
}

const inside = new WeakMap<Sequences, { places: Place[]; readonly kind: Kind }>();

function insideOf(sequences: Sequences, kind: Kind, caller: string): { places: Place[] } {
  const found = inside.get(sequences);
  if (found?.kind === kind) return found;
  throw new ConfigError({ message: `${caller}: the sequences are of another decoder` });
}

function sequencesOf(kind: Kind, initial: Place[]): Sequences {
  const held = { places: initial, kind };
  const sequences: Sequences = {
    get size() {
      return held.places.length;
    },
    get lengths() {
      return held.places.map(({ group, row }) => group.front + group.counts[row]!);
    },
    async read(ids) {
      if (ids.length !== held.places.length) {
        throw new ConfigError({
          message: `read: one id for each of ${held.places.length} sequences is needed, got ${ids.length}`,
        });
      }
      return extendAll(
        kind,
        held,
        Array.from(ids, (id) => [id]),
      );
    },
    async extend(rows) {
      if (rows.length !== held.places.length) {
        throw new ConfigError({
          message: `extend: a row of ids for each of ${held.places.length} sequences is needed, got ${rows.length}`,
        });
      }
      checkReadable("extend", rows, kind.vocab);
      return extendAll(kind, held, rows);
    },
    select(order) {
      const strange = order.find((row) => !Number.isInteger(row) || row < 0 || row >= held.places.length);
      if (strange !== undefined) {
        throw new ConfigError({
          message: `select: the order must name sequences from 0 to ${held.places.length - 1}, got ${strange}`,
        });
      }
      held.places = arrange(held.places, order, false);
    },
    add(other) {
      if (other === sequences) throw new ConfigError({ message: "add: sequences cannot be added to themselves" });
      const theirs = insideOf(other, kind, "add");
      held.places = [...held.places, ...theirs.places];
      theirs.places = [];
    },
    fork: () =>
      sequencesOf(
        kind,
        arrange(
          held.places,
          held.places.map((_, i) => i),
          true,
        ),
      ),
    dispose() {
      for (const group of byGroup(held.places).keys()) group.cache.dispose();
      held.places = [];
    },
  };
  inside.set(sequences, held);
  return sequences;
}

/**
 * The places of other sequences. Groups that are whole stay, unless all is to be a copy; those that are not are disposed of
 * behind their copies.
 */
function arrange(places: readonly Place[], order: readonly number[], copies: boolean): Place[] {
  const found = new Array<Place>(order.length);
  for (const [group, members] of byGroup(order.map((index) => places[index]!))) {
    const rows = members.map(({ row }) => row);
    const next = !copies && isWhole(group, rows) ? group : part(group, rows);
    for (const [row, { index }] of members.entries()) found[index] = { group: next, row };
  }
  if (!copies) {
    const kept = byGroup(found);
    for (const group of byGroup(places).keys()) if (!kept.has(group)) group.cache.dispose();
  }
  return found;
}

/** More ids behind all sequences, which move to where they lie then. */
async function extendAll(
  kind: Kind,
  held: { places: Place[] },
  rows: readonly (readonly number[])[],
): Promise<Float32Array> {
  const scores = new Float32Array(rows.length * kind.vocab);
  if (kind.start !== undefined) splitByLength(held, rows);
  for (const [group, members] of byGroup(held.places)) {
    members.sort((a, b) => a.row - b.row);
    const { scores: theirs, group: next } = await extend(
      kind,
      group,
      members.map(({ index }) => rows[index]!),
    );
    for (const { row, index } of members) {
      scores.set(theirs.subarray(row * kind.vocab, (row + 1) * kind.vocab), index * kind.vocab);
      held.places[index] = { group: next, row };
    }
  }
  return scores;
}

/** Parts groups whose sequences get different numbers of ids: targets of one group have one length. */
function splitByLength(held: { places: Place[] }, rows: readonly (readonly number[])[]): void {
  for (const [group, members] of byGroup(held.places)) {
    const lengths = new Set(members.map(({ index }) => rows[index]!.length));
    if (lengths.size === 1) continue;
    for (const length of lengths) {
      const own = members.filter(({ index }) => rows[index]!.length === length);
      const next = part(
        group,
        own.map(({ row }) => row),
      );
      for (const [row, { index }] of own.entries()) held.places[index] = { group: next, row };
    }
    group.cache.dispose();
  }
}

/**
 * The engine over a model's forward pass.
 *
 * @param start - What targets begin with, of a model of two stacks.
 */
export function plainDecoder(model: RunnableModel, vocab: number, start?: number): Decoder {
  const kind: Kind = { model, vocab, start };

  async function begin(rows: readonly (readonly number[])[], options: BeginOptions = {}): Promise<Begun> {
    const { behind, deltas, signal } = options;
    checkReadable("begin", rows, vocab);
    if (deltas !== undefined && deltas.length !== rows.length) {
      throw new ConfigError({ message: `begin: ${rows.length} rows need as many deltas, got ${deltas.length}` });
    }
    if (signal?.aborted === true) throw new CancelledError({ message: "begin: aborted", cause: signal.reason });
    if (behind === undefined) {
      const { scores, group } = await first(kind, rows, deltas);
      return { sequences: sequencesOf(kind, placesOf(group)), scores };
    }
    const { places } = insideOf(behind, kind, "begin");
    if (places.length !== 1 && places.length !== rows.length) {
      throw new ConfigError({
        message: `begin: ${rows.length} rows stand behind as many sequences or behind one, got ${places.length}`,
      });
    }
    const order = rows.map((_, i) => (places.length === 1 ? 0 : i));
    checkDeltas(
      order.map((i) => places[i]!.group.deltas?.[places[i]!.row] ?? -1),
      deltas,
    );
    const held = { places: arrange(places, order, true) };
    try {
      const scores = await extendAll(kind, held, rows);
      return { sequences: sequencesOf(kind, held.places), scores };
    } catch (error) {
      for (const group of byGroup(held.places).keys()) group.cache.dispose();
      throw error;
    }
  }

  return { vocab, begin };
}
