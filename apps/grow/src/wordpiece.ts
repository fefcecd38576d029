/**
 * Trains a WordPiece vocabulary.
 *
 * Words start as characters, those after the first marked with `##`; the most frequent pair of neighbours becomes a new
 * piece, until the vocabulary is full. This is the merge rule of byte-pair encoding (Sennrich et al. 2016,
 * arXiv:1508.07909), as in the trainers behind today's BERT vocabularies. WordPiece's first rule (Schuster and Nakajima
 * 2012), count divided by the counts of both parts, favours rare pairs that always occur together and makes
 * sequences longer. Counts are kept up to date around each merge, so a merge costs only the words that hold its pair.
 */
import { type Candidate, popCandidate, pushCandidate } from "./heap.ts";

/** Pieces with a meaning, at the ids 0 to 4. */
export const SPECIAL_PIECES: readonly string[] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** How a vocabulary is trained. */
export interface WordPieceOptions {
  /** Pieces in all, the special ones and the characters included. */
  readonly size: number;
  /** Characters that occur less often are left to `[UNK]`. */
  readonly leastCharacterCount: number;
}

/** Room for 2^21 pieces in each half of a pair's key, which stays below 2^53. */
const PAIR_BASE = 2 ** 21;

interface TrainingWord {
  symbols: number[];
  readonly count: number;
}

function countCharacters(words: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [word, count] of words)
    for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count);
  return counts;
}

function piecesOf(word: string): readonly string[] {
  return [...word].map((character, i) => (i === 0 ? character : `##${character}`));
}

/**
 * The pieces of a WordPiece vocabulary, by id: the special ones, the characters in order, then the merges in the order
 * in which they were made. Fewer than `size` when no pair is left.
 *
 * @param words - How often each word occurs.
 */
export function trainWordPiece(
  words: ReadonlyMap<string, number>,
  { size, leastCharacterCount }: WordPieceOptions,
): readonly string[] {
  const characters = countCharacters(words);
  const kept = [...words].filter(([word]) =>
    [...word].every((character) => characters.get(character)! >= leastCharacterCount),
  );
  const pieces = [...SPECIAL_PIECES, ...[...new Set(kept.flatMap(([word]) => piecesOf(word)))].sort()];
  const ids = new Map(pieces.map((piece, id) => [piece, id]));

  const corpus: TrainingWord[] = kept.map(([word, count]) => ({
    symbols: piecesOf(word).map((piece) => ids.get(piece)!),
    count,
  }));
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>(); // words that hold, or once held, a pair
  const heap: Candidate[] = [];

  function change(key: number, by: number, word: number): void {
    counts.set(key, (counts.get(key) ?? 0) + by);
    if (by <= 0) return;
    const set = places.get(key);
    if (set === undefined) places.set(key, new Set([word]));
    else set.add(word);
  }

  corpus.forEach(({ symbols, count }, word) => {
    for (let i = 1; i < symbols.length; i++) change(symbols[i - 1]! * PAIR_BASE + symbols[i]!, count, word);
  });
  for (const [key, count] of counts) pushCandidate(heap, { key, count });

  /** Replaces a pair in one word and returns the pairs whose counts grew. */
  function merge(word: number, left: number, right: number, merged: number): number[] {
    const entry = corpus[word]!;
    const { symbols: before, count } = entry;
    const after: number[] = [];
    for (let i = 0; i < before.length; i++) {
      const matches = before[i] === left && before[i + 1] === right;
      after.push(matches ? merged : before[i]!);
      if (matches) i++;
    }
    if (after.length === before.length) return [];
    for (let i = 1; i < before.length; i++) change(before[i - 1]! * PAIR_BASE + before[i]!, -count, word);
    const grown: number[] = [];
    for (let i = 1; i < after.length; i++) {
      const key = after[i - 1]! * PAIR_BASE + after[i]!;
      change(key, count, word);
      grown.push(key);
    }
    entry.symbols = after;
    return grown;
  }

  while (pieces.length < size) {
    const best = popCandidate(heap);
    if (best === undefined) break;
    const count = counts.get(best.key) ?? 0;
    if (count <= 0) continue;
    if (count !== best.count) {
      if (count < best.count) pushCandidate(heap, { key: best.key, count }); // stale: it shrank since it was put in
      continue;
    }
    const left = Math.floor(best.key / PAIR_BASE);
    const right = best.key % PAIR_BASE;
    const piece = pieces[left]! + pieces[right]!.slice(2);
    let merged = ids.get(piece);
    if (merged === undefined) {
      merged = pieces.length;
      ids.set(piece, merged);
      pieces.push(piece);
    }
    const grown = new Set<number>();
    for (const word of places.get(best.key)!) for (const key of merge(word, left, right, merged)) grown.add(key);
    for (const key of grown) pushCandidate(heap, { key, count: counts.get(key)! });
  }
  return pieces;
}
