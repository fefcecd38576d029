import { wordsOf } from "./words.ts";

/** Fields of a document with their weights. */
export interface IndexedText {
  readonly text: string;
  /** How much its words count. @default 1 */
  readonly weight?: number;
}

/** A document that was found. */
export interface Hit {
  readonly id: string;
  readonly score: number;
}

/** A search by words. */
export interface LexicalIndex {
  /** The best documents, best first; those that share no word with the query are left out. */
  search(query: string, limit: number): readonly Hit[];
}

const SATURATION = 1.2;
const LENGTH_INFLUENCE = 0.75;

/**
 * An index of documents by their words, ranked by BM25. Documents of equal score keep their order.
 *
 * @see Robertson and Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond, §3 (k1 = 1.2, b = 0.75).
 */
export function createLexicalIndex(documents: ReadonlyMap<string, readonly IndexedText[]>): LexicalIndex {
  const postings = new Map<string, { id: string; frequency: number }[]>();
  const lengths = new Map<string, number>();
  for (const [id, fields] of documents) {
    const frequencies = new Map<string, number>();
    for (const { text, weight = 1 } of fields) {
      for (const word of wordsOf(text)) frequencies.set(word, (frequencies.get(word) ?? 0) + weight);
    }
    lengths.set(
      id,
      [...frequencies.values()].reduce((sum, frequency) => sum + frequency, 0),
    );
    for (const [word, frequency] of frequencies) {
      const list = postings.get(word) ?? [];
      list.push({ id, frequency });
      postings.set(word, list);
    }
  }
  const meanLength = [...lengths.values()].reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.size);
  return {
    search(query, limit) {
      const scores = new Map<string, number>();
      for (const word of new Set(wordsOf(query))) {
        const list = postings.get(word) ?? [];
        const rarity = Math.log(1 + (lengths.size - list.length + 0.5) / (list.length + 0.5));
        for (const { id, frequency } of list) {
          const norm = SATURATION * (1 - LENGTH_INFLUENCE + (LENGTH_INFLUENCE * lengths.get(id)!) / meanLength);
          scores.set(id, (scores.get(id) ?? 0) + (rarity * frequency * (SATURATION + 1)) / (frequency + norm));
        }
      }
      return [...scores]
        .map(([id, score]) => ({ id, score }))
        .sort((a, b) => b.score - a.score)
        .slice(0, limit);
    },
  };
}
