/** Rows of whole words for measures that are fair between vocabularies: the same words of the same texts, whatever their pieces are. */
import { createHash } from "node:crypto";

/** Characters of a row's words, at most: there are never more pieces, so that rows are the same in every vocabulary. */
const ROW_CHARACTERS = 254;
/** Rows of a corpus that are looked at. */
export const MOST_ROWS = 240;
const HIDDEN_SHARE = 0.15;
/** Rows of a batch. */
export const BATCH = 8;
/** Lengths of batches are multiples of this, so that few graphs are compiled. */
const LENGTH_STEP = 64;

/** A length that batches have. */
export const paddedLength = (lengths: readonly number[]): number =>
  LENGTH_STEP * Math.ceil(Math.max(...lengths) / LENGTH_STEP);

/** Whether a word of a row is hidden: its place and text decide, and nothing else. */
export const isHidden = (row: number, place: number, word: string): boolean =>
  createHash("sha256").update(`${row} ${place} ${word}`).digest().readUInt32BE(0) / 2 ** 32 < HIDDEN_SHARE;

/** Characters of a word. */
export const lengthOf = (word: string): number => [...word].length;

/** The words of a text in rows. Words are what spaces part; one that fits no row is left out. */
function wordsInRows(document: string): string[][] {
  const rows: string[][] = [[]];
  let characters = 0;
  for (const word of document.split(/\s+/)) {
    const length = lengthOf(word);
    if (length === 0 || length > ROW_CHARACTERS) continue;
    if (characters + length > ROW_CHARACTERS) {
      rows.push([]);
      characters = 0;
    }
    rows.at(-1)!.push(word);
    characters += length;
  }
  return rows;
}

/** The words of texts in rows, the first rows of them. */
export const rowsOfWords = (documents: readonly string[], most: number = MOST_ROWS): string[][] =>
  documents.flatMap(wordsInRows).slice(0, most);
