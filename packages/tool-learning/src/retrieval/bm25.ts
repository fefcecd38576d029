/** Fields of a document with their weights. */
export interface IndexedText {
  readonly text: string;
  /** How much its words count. @default 1 */
  readonly weight?: number;
}

/** Scores documents, by their place in the list. */
export interface Bm25 {
  readonly size: number;
  /** Adds `factor` times the score of each document for these words. Each word counts once. */
  score(words: Iterable<string>, into: Float64Array, factor?: number): void;
}

const SATURATION = 1.2;
const LENGTH_INFLUENCE = 0.75;

interface Posting {
  readonly places: Int32Array;
  /** What the word adds to the score of each place. */
  readonly gains: Float64Array;
}

/**
 * An index of documents by their words.
 *
 * @param read - The words of a text.
 * @see Robertson and Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond, §3 (k1 = 1.2, b = 0.75), with
 *      weighted fields as in §3.6 (BM25F with one length for all).
 */
export function createBm25(
  documents: readonly (readonly IndexedText[])[],
  read: (text: string) => readonly string[],
): Bm25 {
  const found = new Map<string, { place: number; frequency: number }[]>();
  const lengths = documents.map((fields, place) => {
    const frequencies = new Map<string, number>();
    for (const { text, weight = 1 } of fields) {
      for (const word of read(text)) frequencies.set(word, (frequencies.get(word) ?? 0) + weight);
    }
    for (const [word, frequency] of frequencies) {
      const list = found.get(word);
      if (list === undefined) found.set(word, [{ place, frequency }]);
      else list.push({ place, frequency });
    }
    return [...frequencies.values()].reduce((sum, frequency) => sum + frequency, 0);
  });
  const size = documents.length;
  const meanLength = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, size);
  const postings = new Map<string, Posting>();
  for (const [word, list] of found) {
    const rarity = Math.log(1 + (size - list.length + 0.5) / (list.length + 0.5));
    const gains = list.map(({ place, frequency }) => {
      const norm = SATURATION * (1 - LENGTH_INFLUENCE + (LENGTH_INFLUENCE * lengths[place]!) / meanLength);
      return (rarity * frequency * (SATURATION + 1)) / (frequency + norm);
    });
    postings.set(word, { places: Int32Array.from(list, ({ place }) => place), gains: Float64Array.from(gains) });
  }
  return {
    size,
    score(words, into, factor = 1) {
      for (const word of new Set(words)) {
        const posting = postings.get(word);
        if (posting === undefined) continue;
        const { places, gains } = posting;
        for (let i = 0; i < places.length; i++) into[places[i]!]! += factor * gains[i]!;
      }
    },
  };
}
