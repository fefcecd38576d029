import { loadWordnet as loadSynsets, shareOf, type Synset as WholeSynset } from "@cambium/tasks/real";

/** A set of synonyms, and what they mean. */
export type Synset = Pick<WholeSynset, "id" | "words" | "gloss">;

/** Which part of the data a synset belongs to. */
export type Part = "train" | "dev" | "test";

/** Eight tenths are trained on, a tenth is looked at while settings are chosen, a tenth is measured. No seed enters. */
export function partOf({ id }: Synset): Part {
  const share = shareOf(id);
  return share < 0.8 ? "train" : share < 0.9 ? "dev" : "test";
}

/** WordNet 3.1 in an order that only the names decide, each word once in its synset. */
export async function loadWordnet(): Promise<readonly Synset[]> {
  const all = (await loadSynsets()).map(({ id, words, gloss }) => ({ id, words: [...new Set(words)], gloss }));
  const order = new Map(all.map(({ id }) => [id, shareOf(`order of ${id}`)]));
  return all.sort((a, b) => order.get(a.id)! - order.get(b.id)!);
}
