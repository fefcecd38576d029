/** Synsets whose meaning a sapling cannot have read: held back, and defined like no other. */
import { dropKnown } from "../splits/duplicates.ts";
import { loadWordnet, type Synset } from "./wordnet.ts";

/** Synsets to train on, and to develop by and test. */
export interface FreshSynsets {
  readonly all: ReadonlyMap<string, Synset>;
  readonly seen: readonly Synset[];
  readonly fresh: readonly Synset[];
}

/** Words that two definitions share from which on they are the same. */
const NEAR = 0.8;

let found: Promise<FreshSynsets> | undefined;

/** Found once: some seconds. */
export function freshSynsets(): Promise<FreshSynsets> {
  found ??= find();
  return found;
}

async function find(): Promise<FreshSynsets> {
  const synsets = await loadWordnet();
  const rows = synsets.map((synset) => ({ synset, text: synset.gloss }));
  const seen = rows.filter(({ synset }) => !synset.isHeld);
  const fresh = dropKnown(
    rows.filter(({ synset }) => synset.isHeld),
    seen,
    { near: NEAR },
  );
  const synsetOf = ({ synset }: { readonly synset: Synset }): Synset => synset;
  return {
    all: new Map(synsets.map((synset) => [synset.id, synset])),
    seen: seen.map(synsetOf),
    fresh: fresh.map(synsetOf),
  };
}

/** Words of WordNet that are names of no one and nothing: in small letters, of one or two words. */
export const isCommon = (word: string): boolean => /^[a-z]{2,}( [a-z]{2,})?$/.test(word);

/** The first word of a synset that is common. */
export const commonWord = ({ words }: Synset): string | undefined => words.find(isCommon);
