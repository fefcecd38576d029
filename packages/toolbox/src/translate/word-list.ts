import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFolder } from "../optional.ts";
import { basesOf } from "./inflection.ts";

/** Languages by their codes. */
export const LANGUAGES: Readonly<Record<string, string>> = {
  en: "English",
  de: "German",
  es: "Spanish",
  fr: "French",
  it: "Italian",
  nl: "Dutch",
  pt: "Portuguese",
  sv: "Swedish",
};

/** A word or phrase as it was found. */
export interface Match {
  /** The dictionary form. */
  readonly form: string;
  readonly isPlural: boolean;
  /** The concepts that it names: the keys of the list. */
  readonly concepts: readonly string[];
}

/** Names of some 1,450 concepts in one language. */
export interface WordList {
  readonly names: ReadonlyMap<string, string>;
  find(text: string): Match | undefined;
}

/** `Student(in)` is found as both of what it stands for. */
function spellings(name: string): string[] {
  return name.includes("(") ? [name.replace(/\([^)]*\)/g, "").trim(), name.replace(/[()]/g, "")] : [name];
}

const plain = (text: string): string =>
  text.toLowerCase().normalize("NFC").replaceAll("’", "'").replace(/\s+/g, " ").trim();

/** A pictograph without skin colour or gender; professions are a person and a tool, joined. */
const isPlain = (concept: string): boolean =>
  /\p{Extended_Pictographic}/u.test(concept) &&
  !/\p{Emoji_Modifier}/u.test(concept) &&
  (!concept.includes("\u200d") || concept.startsWith("🧑\u200d"));

/**
 * The names that the Unicode CLDR gives to pictographs, from npm's `cldr-annotations-full`: animals, plants, food, people, things,
 * places. Nothing else is in it: hardly a verb, no grammar.
 *
 * @throws {StateError} When the package is not installed.
 */
export async function openWordList(language: string): Promise<WordList> {
  const folder = await packageFolder("translate", "cldr-annotations-full");
  const file = JSON.parse(await readFile(join(folder, "annotations", language, "annotations.json"), "utf8")) as {
    readonly annotations: { readonly annotations: Readonly<Record<string, { readonly tts?: readonly string[] }>> };
  };
  const names = new Map<string, string>();
  for (const [concept, { tts }] of Object.entries(file.annotations.annotations)) {
    const name = tts?.[0];
    if (name !== undefined && isPlain(concept)) names.set(concept, name);
  }
  const byName = new Map<string, string[]>();
  for (const [concept, name] of names)
    for (const spelling of spellings(plain(name))) byName.set(spelling, [...(byName.get(spelling) ?? []), concept]);
  return {
    names,
    find(text) {
      const word = plain(text);
      const exact = byName.get(word);
      if (exact !== undefined) return { form: names.get(exact[0]!)!, isPlural: false, concepts: exact };
      const concepts = basesOf(word, language)
        .map((base) => byName.get(base))
        .find((found) => found !== undefined);
      return concepts === undefined ? undefined : { form: names.get(concepts[0]!)!, isPlural: true, concepts };
    },
  };
}
