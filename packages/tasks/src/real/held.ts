import { createHash } from "node:crypto";

const HELD_EVERY = 50;

/**
 * Whether a document is held back from the text that the saplings are pretrained on: every fiftieth of a corpus, by its place in it.
 * What a task measures is made of such documents, where it comes from these corpora at all.
 */
export const isHeld = (index: number): boolean => index % HELD_EVERY === HELD_EVERY / 2;

/** A number from 0 to below 1 that a name decides, and nothing else. */
export const shareOf = (name: string): number => createHash("sha256").update(name).digest().readUInt32BE(0) / 2 ** 32;

/** Items in an order that their names decide, and nothing else. */
export function inOrderOf<Item>(items: Iterable<Item>, nameOf: (item: Item) => string): Item[] {
  const placed = [...items].map((item) => ({ item, place: shareOf(nameOf(item)) }));
  return placed.sort((a, b) => a.place - b.place).map(({ item }) => item);
}
