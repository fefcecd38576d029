import { ShapeError } from "@cambium/base";

/** How well texts are written. */
export interface TextsReport {
  readonly rows: number;
  /** Share of texts that are right but for case and spaces, from 0 to 1. */
  readonly exactMatch: number;
  /** Mean F1 of the words that both texts hold, counted as often as they come, from 0 to 1. */
  readonly wordF1: number;
}

const normalise = (text: string): string => text.toLowerCase().replace(/\s+/g, " ").trim();

function wordF1(written: string, right: string): number {
  const [a, b] = [normalise(written).split(" "), normalise(right).split(" ")];
  const left = new Map<string, number>();
  for (const word of b) left.set(word, (left.get(word) ?? 0) + 1);
  let hits = 0;
  for (const word of a) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    hits++;
    left.set(word, count - 1);
  }
  return (2 * hits) / (a.length + b.length);
}

/**
 * How well texts are written.
 *
 * @param written - One for each row.
 * @param right - A text that is right, or several of which each is; the best counts.
 * @throws {ShapeError} When the lists differ in length or are empty, or a row has no text that is right.
 * @see Rajpurkar et al. 2016, SQuAD, arXiv:1606.05250, section 6.1; unlike there, articles and punctuation count.
 */
export function measureTexts(written: readonly string[], right: readonly (string | readonly string[])[]): TextsReport {
  if (written.length !== right.length || right.length === 0) {
    throw new ShapeError({
      message: `measureTexts: expected a text for each row, got ${written.length} for ${right.length} rows`,
    });
  }
  let [exact, f1] = [0, 0];
  for (const [row, given] of right.entries()) {
    const all = typeof given === "string" ? [given] : given;
    if (all.length === 0) throw new ShapeError({ message: `measureTexts: row ${row} has no text that is right`, row });
    const text = written[row]!;
    if (all.some((each) => normalise(each) === normalise(text))) exact++;
    f1 += Math.max(...all.map((each) => wordF1(text, each)));
  }
  return { rows: right.length, exactMatch: exact / right.length, wordF1: f1 / right.length };
}
