/** Word and sentence ratings of others' data sets, which are not part of this package. */
import { FormatError } from "@cambium/base";
import { numberOf, readCsv } from "./csv.ts";

/** A word of VADER's lexicon. */
export interface VaderWord {
  /** −4 to +4, mean of ten people. */
  readonly valence: number;
  readonly deviation: number;
  readonly ratings: readonly number[];
}

/**
 * The words of `vader_lexicon.txt`: token, mean, deviation and a list of ten ratings, with tabs between them.
 *
 * @throws {FormatError} Naming the line that is something else.
 * @see Hutto and Gilbert 2014, VADER: A parsimonious rule-based model for sentiment analysis of social media text.
 */
export function readVader(content: string): ReadonlyMap<string, VaderWord> {
  const words = new Map<string, VaderWord>();
  content.split(/\r?\n/).forEach((line, i) => {
    if (line === "") return;
    const [word, valence, deviation, ratings, ...rest] = line.split("\t");
    const list = /^\[(.*)\]$/
      .exec((ratings ?? "").trim())?.[1]
      ?.split(",")
      .map(toNumber);
    const numbers = [toNumber(valence), toNumber(deviation), ...(list ?? [Number.NaN])];
    if (word === undefined || rest.length > 0 || !numbers.every(Number.isFinite)) {
      throw new FormatError({
        message: `readVader: line ${i + 1} is no word with its ratings: ${JSON.stringify(line)}`,
        line: i + 1,
      });
    }
    if (!words.has(word)) words.set(word, { valence: numbers[0]!, deviation: numbers[1]!, ratings: list! });
  });
  return words;
}

/** NaN for a cell without anything, which `Number` takes for 0. */
const toNumber = (cell: string | undefined): number =>
  cell === undefined || cell.trim() === "" ? Number.NaN : Number(cell);

/** A sentence of EmoBank; each rating is from 1 to 5. */
export interface EmoBankRow {
  readonly id: string;
  readonly split: "train" | "dev" | "test";
  readonly text: string;
  readonly valence: number;
  readonly arousal: number;
  readonly dominance: number;
}

/**
 * The rows of `emobank.csv`.
 *
 * @throws {FormatError} When it has other columns, or a cell is none of what it must be.
 * @see Buechel and Hahn 2017, EmoBank: Studying the impact of annotation perspective and representation format on dimensional
 *      emotion analysis; the data are CC BY-SA 4.0.
 */
export function readEmoBank(content: string): readonly EmoBankRow[] {
  const { header, rows } = readCsv("readEmoBank", content);
  if (header.join() !== "id,split,V,A,D,text") {
    throw new FormatError({
      message: `readEmoBank: the columns must be id, split, V, A, D and text, got ${header.join(", ")}`,
    });
  }
  return rows.map(([id, split, v, a, d, text], i) => {
    const number = (cell: string | undefined, name: string): number => {
      const value = numberOf("readEmoBank", cell!, `${name} of row ${i + 1}`);
      if (value >= 1 && value <= 5) return value;
      throw new FormatError({
        message: `readEmoBank: ${name} of row ${i + 1} must be from 1 to 5, got ${JSON.stringify(cell)}`,
        row: i + 1,
      });
    };
    if (split !== "train" && split !== "dev" && split !== "test")
      throw new FormatError({
        message: `readEmoBank: row ${i + 1} is of "${split}", which is none of train, dev, test`,
        row: i + 1,
      });
    return { id: id!, split, text: text!, valence: number(v, "V"), arousal: number(a, "A"), dominance: number(d, "D") };
  });
}
