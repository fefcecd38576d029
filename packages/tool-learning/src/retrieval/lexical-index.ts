import { createBm25, type IndexedText } from "./bm25.ts";
import { wordsOf } from "./words.ts";

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

/** An index of documents by their words, ranked by BM25. Documents of equal score keep their order. */
export function createLexicalIndex(documents: ReadonlyMap<string, readonly IndexedText[]>): LexicalIndex {
  const ids = [...documents.keys()];
  const index = createBm25([...documents.values()], wordsOf);
  return {
    search(query, limit) {
      const scores = new Float64Array(ids.length);
      index.score(wordsOf(query), scores);
      return ids
        .map((id, i) => ({ id, score: scores[i]! }))
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score)
        .slice(0, limit);
    },
  };
}
