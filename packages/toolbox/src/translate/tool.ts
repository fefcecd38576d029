import * as z from "zod";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { pluralOf } from "./inflection.ts";
import { LANGUAGES, openWordList, type WordList } from "./word-list.ts";

const MOST_WORDS = 200;
const LONGEST_PHRASE = 6;

const codes = Object.keys(LANGUAGES) as [string, ...string[]];
const language = z.enum(codes);

interface Entry {
  readonly form: string;
  readonly isPlural: boolean;
  readonly translations: readonly {
    readonly text: string;
    readonly concept: string;
    readonly plural?: string | null;
  }[];
}

function entryOf(source: WordList, target: WordList, to: string, text: string): Entry | undefined {
  const match = source.find(text);
  if (match === undefined) return undefined;
  const translations = match.concepts.flatMap((concept) => {
    const name = target.names.get(concept);
    if (name === undefined) return [];
    return [{ text: name, concept, ...(match.isPlural ? { plural: pluralOf(name, to) ?? null } : {}) }];
  });
  return translations.length === 0 ? undefined : { form: match.form, isPlural: match.isPlural, translations };
}

/**
 * Looks words and short phrases up in the names that the Unicode CLDR gives to some 1,450 concepts, in eight languages. It is a
 * word list and says so: what it does not have is "no entry", and sentences are not translated.
 *
 * The optional package `cldr-annotations-full` has to be installed.
 */
export function translate(): Toolkit<null> {
  const lists = new Map<string, Promise<WordList>>();
  const open = (code: string): Promise<WordList> => {
    const list = lists.get(code) ?? openWordList(code);
    lists.set(code, list);
    list.catch(() => lists.delete(code)); // the next call tries again
    return list;
  };
  const about = `Languages: ${codes.map((code) => `${code} (${LANGUAGES[code]})`).join(", ")}.`;
  return makeToolkit({
    id: "translate",
    about: "Looks words up in another language.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "word",
        description: `Looks a noun or a short phrase up in another language: animals, plants, food, people, things, places. Plurals are found by their singular; the plural of the translation is given where a rule exists, else null. A word that the list lacks has "found": false: do not make one up. ${about}`,
        input: z.strictObject({ text: z.string().trim().min(1).max(80), from: language, to: language }),
        effects: "none",
        async run({ text, from, to }) {
          const entry = entryOf(await open(from), await open(to), to, text);
          return entry === undefined
            ? { found: false, reason: `no entry for "${text}" in ${LANGUAGES[from]}` }
            : { found: true, ...entry };
        },
      }),
      define({
        verb: "gloss",
        description: `Goes through a text and gives, piece by piece, the longest entries of the word list and the gaps between them. It is no translation of the sentence. ${about}`,
        input: z.strictObject({ text: z.string().trim().min(1).max(2000), from: language, to: language }),
        effects: "none",
        async run({ text, from, to }) {
          const [source, target] = [await open(from), await open(to)];
          const words = text.match(/[\p{L}\p{M}'’-]+/gu) ?? [];
          const pieces: { text: string; translations: readonly string[] }[] = [];
          for (let i = 0; i < Math.min(words.length, MOST_WORDS); ) {
            const lengths = Array.from(
              { length: Math.min(LONGEST_PHRASE, words.length - i) },
              (_, n) => n + 1,
            ).reverse();
            const length = lengths.find(
              (n) => entryOf(source, target, to, words.slice(i, i + n).join(" ")) !== undefined,
            );
            const piece = words.slice(i, i + (length ?? 1)).join(" ");
            const entry = length === undefined ? undefined : entryOf(source, target, to, piece)!;
            pieces.push({
              text: piece,
              translations: entry === undefined ? [] : entry.translations.map(({ text, plural }) => plural ?? text),
            });
            i += length ?? 1;
          }
          return {
            pieces,
            gaps: pieces.filter(({ translations }) => translations.length === 0).length,
            notRead: Math.max(0, words.length - MOST_WORDS),
          };
        },
      }),
    ],
  });
}
