/** Texts as counts of their words, weighted by how rare each is. */
import type { Texts } from "../task/template.ts";
import { type SparseRows, sparseRows } from "./sparse.ts";

/** Words of the training texts, with the logarithm of how rare each is. */
export interface Vocabulary {
  readonly columns: ReadonlyMap<string, number>;
  readonly rarity: readonly number[];
}

const split = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}']+|[$!?%]+/gu) ?? [];

/** The words of a text; of a pair, those of each text by themselves, and once more those that both hold. */
function words({ text, pair }: Texts): readonly string[] {
  const first = split(text);
  if (pair === undefined) return first;
  const second = split(pair);
  const shared = new Set(first);
  return [
    ...first,
    ...second.map((word) => `second ${word}`),
    ...second.filter((word) => shared.has(word)).map((word) => `both ${word}`),
  ];
}

function countWords(texts: Texts): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words(texts)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Words that enough texts hold; `idf = ln((1 + n) / (1 + df)) + 1`. */
export function createVocabulary(rows: readonly Texts[], leastTexts: number): Vocabulary {
  const frequency = new Map<string, number>();
  for (const row of rows) for (const word of new Set(words(row))) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const kept = [...frequency].filter(([, count]) => count >= leastTexts);
  return {
    columns: new Map(kept.map(([word], column) => [word, column])),
    rarity: kept.map(([, count]) => Math.log((1 + rows.length) / (1 + count)) + 1),
  };
}

/** A row a text: `(1 + ln tf) · idf`, scaled to length 1. */
export function featurise(rows: readonly Texts[], { columns, rarity }: Vocabulary): SparseRows {
  const made = rows.map((texts) => {
    const row: [number, number][] = [];
    for (const [word, count] of countWords(texts)) {
      const column = columns.get(word);
      if (column !== undefined) row.push([column, (1 + Math.log(count)) * rarity[column]!]);
    }
    const length = Math.hypot(...row.map(([, value]) => value)) || 1;
    return row.map(([column, value]) => [column, value / length] as const);
  });
  return sparseRows(made, columns.size);
}
