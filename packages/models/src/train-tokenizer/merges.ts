/**
 * Finds a vocabulary by merging: words start as characters, and the most frequent pair of neighbours becomes a new piece, until
 * the vocabulary is full (Sennrich et al. 2016, arXiv:1508.07909). So do the trainers behind today's BERT vocabularies: WordPiece's first
 * rule (Schuster and Nakajima 2012), count divided by the counts of both parts, favours rare pairs that always occur together and
 * makes sequences longer. Of equally frequent pairs, the one of the older pieces is merged first, as in the Rust library.
 *
 * Counts are kept up to date around each merge, so a merge costs only the words that hold its pair.
 */
import { type Candidate, popCandidate, pushCandidate } from "./heap.ts";

/** Room for 2^21 pieces in each half of a pair's key, which stays below 2^53. */
const PAIR_BASE = 2 ** 21;

/** What is merged, and how far. */
export interface MergeOptions {
  /** Pieces to begin with, by id. */
  readonly begin: readonly string[];
  /** Pieces of a word before any merge; all of them are in `begin`. */
  readonly split: (word: string) => readonly string[];
  /** The piece that two make. */
  readonly join: (left: string, right: string) => string;
  /** Pieces in all. */
  readonly size: number;
  /** Pairs that occur less often stay apart. */
  readonly leastCount: number;
}

/** A vocabulary, and the merges that led there. */
export interface Merged {
  /** Pieces by id. */
  readonly pieces: string[];
  readonly merges: (readonly [left: string, right: string])[];
}

interface TrainingWord {
  symbols: number[];
  readonly count: number;
}

/**
 * Merges pairs, and yields after each.
 *
 * @param words - How often each word occurs.
 */
export function* mergePairs(words: ReadonlyMap<string, number>, options: MergeOptions): Generator<Merged, Merged> {
  const { begin, split, join, size, leastCount } = options;
  const pieces = [...begin];
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const corpus = Array.from(
    words,
    ([word, count]): TrainingWord => ({
      symbols: split(word).map((piece) => ids.get(piece)!),
      count,
    }),
  );
  const counts = new Map<number, number>();
  const heap: Candidate[] = [];
  /** Pairs that became more frequent, and the words where they did. */
  let grown = new Map<number, Set<number>>();

  function change(key: number, by: number, word: number): void {
    counts.set(key, (counts.get(key) ?? 0) + by);
    if (by <= 0) return;
    const places = grown.get(key);
    if (places === undefined) grown.set(key, new Set([word]));
    else places.add(word);
  }

  function offer(): void {
    for (const [key, places] of grown) {
      const count = counts.get(key)!;
      if (count > 0) pushCandidate(heap, { key, count, places: [...places] });
    }
    grown = new Map();
  }

  /** Replaces a pair in one word. The pairs around it change their counts; that of the pair itself no longer matters. */
  function merge(word: number, left: number, right: number, merged: number): void {
    const entry = corpus[word]!;
    const { symbols: before, count } = entry;
    const after: number[] = [];
    for (let i = 0; i < before.length; i++) {
      if (before[i] !== left || before[i + 1] !== right) {
        after.push(before[i]!);
        continue;
      }
      const previous = after.at(-1);
      if (previous !== undefined) {
        change(previous * PAIR_BASE + left, -count, word);
        change(previous * PAIR_BASE + merged, count, word);
      }
      const next = before[i + 2];
      if (next !== undefined) {
        change(right * PAIR_BASE + next, -count, word);
        change(merged * PAIR_BASE + next, count, word);
      }
      after.push(merged);
      i++;
    }
    entry.symbols = after;
  }

  corpus.forEach(({ symbols, count }, word) => {
    for (let i = 1; i < symbols.length; i++) change(symbols[i - 1]! * PAIR_BASE + symbols[i]!, count, word);
  });
  offer();
  const merges = new Map<number, readonly [string, string]>();
  const done = (): Merged => ({ pieces, merges: [...merges.values()] });
  while (pieces.length < size) {
    const best = popCandidate(heap);
    if (best === undefined) break;
    const count = counts.get(best.key)!;
    if (count !== best.count) {
      pushCandidate(heap, { ...best, count }); // it shrank, or grew elsewhere, since it was put in
      continue;
    }
    if (count < Math.max(1, leastCount)) break;
    const left = Math.floor(best.key / PAIR_BASE);
    const right = best.key % PAIR_BASE;
    const piece = join(pieces[left]!, pieces[right]!);
    let merged = ids.get(piece);
    if (merged === undefined) {
      merged = pieces.length;
      ids.set(piece, merged);
      pieces.push(piece);
    }
    merges.delete(best.key); // of a pair that is merged again, the later place in the list counts
    merges.set(best.key, [pieces[left]!, pieces[right]!]);
    for (const word of best.places) merge(word, left, right, merged);
    offer();
    yield done();
  }
  return done();
}
