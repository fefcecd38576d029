/** Seeded choices for the making of questions. */
export interface Draw {
  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item;
  /** `count` different integers from `low` to `high`, in rising order. */
  rising(count: number, low: number, high: number): readonly number[];
}

/** A generator whose choices depend on its words only. */
export function createDraw(...words: readonly (string | number)[]): Draw {
  let state = 0x811c9dc5;
  for (const sign of words.join("/")) state = Math.imul(state ^ sign.codePointAt(0)!, 0x01000193) >>> 0;
  /** SplitMix32: Steele et al. 2014, Fast Splittable Pseudorandom Number Generators, with 32-bit constants. */
  const word = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const integer = (low: number, high: number): number => low + Math.floor((word() / 2 ** 32) * (high - low + 1));
  return {
    integer,
    pick: (items) => items[integer(0, items.length - 1)]!,
    rising(count, low, high) {
      const chosen = new Set<number>();
      while (chosen.size < count) chosen.add(integer(low, high));
      return [...chosen].sort((a, b) => a - b);
    },
  };
}
