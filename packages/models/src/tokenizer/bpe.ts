/**
 * Byte-pair encoding: characters joined pair by pair, the earliest merge of the list first.
 *
 * @see Sennrich, Haddow and Birch 2016, Neural Machine Translation of Rare Words with Subword Units, arXiv:1508.07909.
 */
import type { TokenizerJson } from "../tokenizer-json.ts";
import { widthAt } from "./aligned.ts";
import type { Pieces, WordModel } from "./models.ts";
import { PairTable } from "./pair-table.ts";
import { PartError } from "./parts.ts";

/** Merges wait by rank, then place; both in one number, which a double holds exactly. */
const PLACES = 2 ** 31;

function push(heap: number[], key: number): void {
  let i = heap.length;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent]! <= key) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = key;
}

function pop(heap: number[]): number {
  const top = heap[0]!;
  const last = heap.pop()!;
  const { length } = heap;
  if (length === 0) return top;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= length) break;
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= last) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = last;
  return top;
}

/** The two parts of a merge, as either kind of file writes it. */
function partsOf(merge: unknown, index: number): readonly [string, string] {
  const parts: unknown = typeof merge === "string" ? merge.split(" ") : merge;
  if (Array.isArray(parts) && parts.length === 2 && typeof parts[0] === "string" && typeof parts[1] === "string") {
    return parts as [string, string];
  }
  throw new PartError(`merge ${index} must be two pieces, got ${JSON.stringify(merge)}`);
}

interface Merges {
  /** Rank by the ids of both parts. */
  readonly ranks: PairTable;
  /** What each merge gives, by rank. */
  readonly results: Int32Array;
}

function readMerges(merges: unknown, vocabulary: ReadonlyMap<string, number>, prefixLength: number): Merges {
  if (!Array.isArray(merges)) throw new PartError('a BPE model needs "merges"');
  const ranks = new PairTable(merges.length);
  const results = new Int32Array(merges.length);
  for (let rank = 0; rank < merges.length; rank++) {
    const [first, second] = partsOf(merges[rank], rank);
    const whole = first + second.slice(prefixLength);
    const [left, right, result] = [vocabulary.get(first), vocabulary.get(second), vocabulary.get(whole)];
    if (left === undefined || right === undefined || result === undefined) {
      const lacking = left === undefined ? first : right === undefined ? second : whole;
      throw new PartError(`merge ${rank} has ${JSON.stringify(lacking)}, which the vocabulary lacks`);
    }
    ranks.set(left, right, rank);
    results[rank] = result;
  }
  return { ranks, results };
}

const encoder = new TextEncoder();

/** A BPE model as `tokenizer.json` describes it. */
export function bpe(model: TokenizerJson["model"], vocabulary: ReadonlyMap<string, number>): WordModel {
  const text = (key: string): string => (model[key] as string | null | undefined) ?? "";
  if (model["dropout"] != null && model["dropout"] !== 0) {
    throw new PartError(`the model has "dropout": ${model["dropout"]}, which gives other tokens each time`);
  }
  const prefix = text("continuing_subword_prefix");
  const suffix = text("end_of_word_suffix");
  const isWhole = model["ignore_merges"] === true;
  const fuses = model["fuse_unk"] === true;
  const unknown = model.unk_token == null ? undefined : vocabulary.get(model.unk_token);
  const { ranks, results } = readMerges(model["merges"], vocabulary, prefix.length);
  const bytes =
    model["byte_fallback"] === true
      ? Array.from({ length: 256 }, (_, byte) =>
          vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
        )
      : undefined;

  /** The ids of a character's bytes, where the vocabulary has all of them. */
  function bytesOf(character: string): number[] | undefined {
    const ids = bytes === undefined ? [] : Array.from(encoder.encode(character), (byte) => bytes[byte]);
    return ids.length > 0 && ids.every((id) => id !== undefined) ? (ids as number[]) : undefined;
  }

  /** The characters of a word as tokens, before any merge. */
  function begin(word: string, lacks: (text: string) => number): Pieces {
    const ids: number[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    let isOpen = false; // whether unknown characters wait at the end for more of them
    let waiting: [number, number] = [0, 0];
    const add = (id: number, start: number, end: number): void => {
      ids.push(id);
      starts.push(start);
      ends.push(end);
    };
    const close = (): void => {
      if (isOpen) add(unknown ?? lacks(word.slice(...waiting)), waiting[0], waiting[1]);
      isOpen = false;
    };
    for (let start = 0; start < word.length; ) {
      const end = start + widthAt(word, start);
      let character = word.slice(start, end);
      if (start > 0 && prefix !== "") character = prefix + character;
      if (end === word.length && suffix !== "") character += suffix;
      const id = vocabulary.get(character);
      const parts = id === undefined ? bytesOf(character) : undefined;
      if (id !== undefined) {
        close();
        add(id, start, end);
      } else if (parts !== undefined) {
        for (const part of parts) add(part, start, end);
      } else if (model.unk_token != null) {
        if (isOpen && fuses) waiting = [waiting[0], end];
        else {
          close();
          isOpen = true;
          waiting = [start, end];
        }
      }
      start = end;
    }
    close();
    return { ids, starts, ends };
  }

  function merge({ ids, starts, ends }: Pieces): Pieces {
    const { length } = ids;
    const next = Int32Array.from({ length }, (_, i) => i + 1);
    const previous = Int32Array.from({ length }, (_, i) => i - 1);
    const isGone = new Uint8Array(length);
    const heap: number[] = [];
    const offer = (left: number, right: number): void => {
      const rank = ranks.get(ids[left]!, ids[right]!);
      if (rank >= 0) push(heap, rank * PLACES + left);
    };
    for (let i = 1; i < length; i++) offer(i - 1, i);
    while (heap.length > 0) {
      const key = pop(heap);
      const left = key % PLACES;
      const result = results[(key - left) / PLACES]!;
      const right = next[left]!;
      if (isGone[left] === 1 || right >= length) continue;
      const rank = ranks.get(ids[left]!, ids[right]!);
      if (rank < 0 || results[rank] !== result) continue; // what waited is no longer there
      ids[left] = result;
      ends[left] = ends[right]!;
      isGone[right] = 1;
      const after = next[right]!;
      next[left] = after;
      if (after < length) previous[after] = left;
      if (previous[left]! >= 0) offer(previous[left]!, left);
      if (after < length) offer(left, after);
    }
    const kept = (_: number, i: number): boolean => isGone[i] === 0;
    return { ids: ids.filter(kept), starts: starts.filter(kept), ends: ends.filter(kept) };
  }

  return (word, lacks) => {
    const whole = isWhole ? vocabulary.get(word) : undefined;
    if (whole !== undefined) return { ids: [whole], starts: [0], ends: [word.length] };
    return merge(begin(word, lacks));
  };
}
