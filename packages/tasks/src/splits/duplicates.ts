/**
 * Texts that come twice, or almost: where one is trained on and the other measured, the measure is wrong. Texts are compared by
 * the sets of their words; the search looks only at pairs that share one of their rarest words, and finds them all.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { groupBy, type SplitRow } from "./row-parts.ts";

/** Settings of `findDuplicates`. */
export interface DuplicateOptions {
  /**
   * Least likeness of two texts, from above 0 to 1: the share of the words of either that both have (Jaccard). At 1, only texts of
   * the same words in the same order are found. @default 1
   */
  readonly near?: number;
}

/** Two rows with the same text, or almost. */
export interface Duplicate {
  /** Places among the rows, the smaller first. */
  readonly rows: readonly [number, number];
  /** 1 where the texts are the same but for case, spaces and signs; else the share of words that both have. */
  readonly likeness: number;
}

/** Words in lower case, without signs: texts that differ in case, spaces and signs only have the same. Signs alone stay. */
export function normaliseText(text: string): string {
  const plain = text.toLowerCase().normalize("NFKC");
  const words = plain.match(/[\p{L}\p{M}\p{N}]+/gu);
  return words === null ? plain.replace(/\s+/g, " ").trim() : words.join(" ");
}

const keyOf = ({ text, pair }: SplitRow): string =>
  pair === undefined ? normaliseText(text) : `${normaliseText(text)}\n${normaliseText(pair)}`;

/**
 * All pairs of rows whose texts (with their second texts, where they have any) are the same or almost.
 *
 * Time grows with the pairs that share a rare word: a second for ten thousand sentences.
 *
 * @returns In the order of their rows.
 * @throws {ConfigError} When `near` is out of range.
 * @see Bayardo, Ma and Srikant 2007, Scaling Up All Pairs Similarity Search, WWW, and Chaudhuri, Ganti and Kaushik 2006, A Primitive
 *   Operator for Similarity Joins in Data Cleaning, ICDE: two sets with a Jaccard share of t or more have one of the first
 *   `n − ⌈t·n⌉ + 1` of their n words in common, in any order that is the same for all.
 * @example
 * const { length } = findDuplicates([...train, ...test], { near: 0.8 });
 */
export function findDuplicates(rows: readonly SplitRow[], options: DuplicateOptions = {}): Duplicate[] {
  const near = nearOf("findDuplicates", options);
  const keys = rows.map(keyOf);
  const found: Duplicate[] = [];
  for (const same of groupBy(rows.keys(), (i) => keys[i]!).values()) {
    for (const [n, i] of same.entries()) for (const j of same.slice(n + 1)) found.push({ rows: [i, j], likeness: 1 });
  }
  if (near < 1) found.push(...nearPairs(keys, near));
  return found.sort(({ rows: a }, { rows: b }) => a[0] - b[0] || a[1] - b[1]);
}

function nearOf(caller: string, options: DuplicateOptions): number {
  checkOptions(caller, options, ["near"]);
  const { near = 1 } = options;
  if (near > 0 && near <= 1) return near;
  throw new ConfigError({ message: `${caller}: near must be above 0 and at most 1, got ${near}`, near });
}

/**
 * Pairs of different texts whose words are alike.
 *
 * @param first - Looks only for pairs of one of the first texts, so many, and one of the others. @default all pairs
 */
function nearPairs(keys: readonly string[], near: number, first?: number): Duplicate[] {
  const sets = keys.map((key) => [...new Set(key.split(/\s/))]);
  const frequency = new Map<string, number>();
  for (const words of sets) for (const word of words) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  const rareFirst = (a: string, b: string): number => frequency.get(a)! - frequency.get(b)! || (a < b ? -1 : 1);
  const sorted = sets.map((words) => words.sort(rareFirst));
  const holders = new Map<string, number[]>();
  const found: Duplicate[] = [];
  for (const [j, words] of sorted.entries()) {
    const own = new Set(words);
    const prefix = words.slice(0, words.length - Math.ceil(near * words.length - 1e-9) + 1);
    const met = new Set(first === undefined || j >= first ? prefix.flatMap((word) => holders.get(word) ?? []) : []);
    for (const i of met) {
      const other = sorted[i]!;
      const [less, more] = [Math.min(other.length, words.length), Math.max(other.length, words.length)];
      if (keys[i] === keys[j] || less < near * more - 1e-9) continue;
      const shared = other.reduce((count, word) => count + (own.has(word) ? 1 : 0), 0);
      const likeness = shared / (words.length + other.length - shared);
      if (likeness >= near - 1e-9) found.push({ rows: [i, j], likeness });
    }
    if (first !== undefined && j >= first) continue;
    for (const word of prefix) {
      const list = holders.get(word);
      if (list === undefined) holders.set(word, [j]);
      else list.push(j);
    }
  }
  return found;
}

/**
 * Rows without those whose text is among some others, or almost.
 *
 * @param others - Such as all that a model was pretrained on.
 * @example
 * const fresh = dropKnown(test, pretrainingTexts, { near: 0.8 });
 */
export function dropKnown<Row extends SplitRow>(
  rows: readonly Row[],
  others: readonly SplitRow[],
  options: DuplicateOptions = {},
): Row[] {
  const near = nearOf("dropKnown", options);
  const keys = [...rows, ...others].map(keyOf);
  const known = new Set(keys.slice(rows.length));
  const isKnown = rows.map((_, i) => known.has(keys[i]!));
  if (near < 1) for (const { rows: pair } of nearPairs(keys, near, rows.length)) isKnown[pair[0]] = true;
  return rows.filter((_, i) => !isKnown[i]);
}

/** What `dropDuplicates` did. */
export interface DroppedDuplicates<Part extends string, Row> {
  readonly parts: Record<Part, Row[]>;
  /** Rows that were taken out, of each part. */
  readonly dropped: Record<Part, number>;
  /** Rows that were taken out for a twin with another label: the same text has two answers. */
  readonly disputed: number;
}

/**
 * Parts without rows whose text another part, or the same one, has already: a row is kept in the last part that has it, so that what
 * is measured stays and what is trained on gives way. Name the parts in the order train, dev, test.
 *
 * @example
 * const { parts, dropped } = dropDuplicates(split(rows, options), { near: 0.8 });
 */
export function dropDuplicates<Part extends string, Row extends SplitRow>(
  parts: Readonly<Record<Part, readonly Row[]>>,
  options: DuplicateOptions = {},
): DroppedDuplicates<Part, Row> {
  const names = Object.keys(parts) as Part[];
  const rows = names.flatMap((name) => parts[name]);
  const partOf = names.flatMap((name, rank) => parts[name].map(() => rank));
  const out = new Set<number>();
  let disputed = 0;
  // The later rows are settled first: what they drop is gone before it could drop others.
  for (const {
    rows: [i, j],
  } of findDuplicates(rows, options).sort(({ rows: a }, { rows: b }) => b[1] - a[1] || b[0] - a[0])) {
    if (out.has(i) || out.has(j)) continue;
    const isDisputed = JSON.stringify(rows[i]!.label) !== JSON.stringify(rows[j]!.label);
    if (isDisputed) disputed++;
    out.add(partOf[i] === partOf[j] ? j : i); // of two in one part, the first stays
  }
  const dropped = names.map(
    (name, rank) => [name, partOf.filter((part, i) => part === rank && out.has(i)).length] as const,
  );
  let at = 0;
  const kept = names.map((name) => [name, parts[name].filter(() => !out.has(at++))] as const);
  return {
    parts: Object.fromEntries(kept) as Record<Part, Row[]>,
    dropped: Object.fromEntries(dropped) as Record<Part, number>,
    disputed,
  };
}
