/** At which sizes a function is traced, and at which the result is checked. */
import type { Sizes } from "./polynomial.ts";

/** A dimension that may have any size. */
export interface DynamicDimension {
  /** The smallest size that occurs: 0 for rows of a cache that may be empty. @default 1 */
  readonly least?: number;
  /** The largest size for which the graph is checked, at least 8. What is longer may run, and nothing is promised of it. @default 64 */
  readonly longest?: number;
  /**
   * The smallest size that is recorded: for a function that takes a shorter way for small sizes, and whose other way is right for
   * all. @default 2
   */
  readonly recordFrom?: number;
}

/** Small sizes that are traced: enough to tell one sum of three products from another, and to check it. */
const TRACES = 8;
/** How far the small sizes lie apart. */
const SPREAD = 27;

/** Sizes from the smallest that is recorded on. */
function recorded({ recordFrom = 2, longest = 64 }: DynamicDimension, count: number): [number, number] {
  return [recordFrom, Math.max(recordFrom, Math.min(recordFrom + count, longest - 1))];
}

/** Whole numbers from a seed, the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A size for every dimension, no two alike, each in its range. */
function pick(
  names: readonly string[],
  range: (name: string) => [number, number],
  below: (n: number) => number,
): Sizes {
  for (;;) {
    const sizes = names.map((name) => {
      const [from, to] = range(name);
      return from + below(to - from + 1);
    });
    if (new Set(sizes).size === sizes.length) return Object.fromEntries(names.map((name, i) => [name, sizes[i]!]));
  }
}

/** `count` small sizes that are traced: none of them 0 or 1, which decide too much by chance, nor the longest, where tables end. */
export function smallSizes(dynamic: Readonly<Record<string, DynamicDimension>>, count: number = TRACES): Sizes[] {
  const names = Object.keys(dynamic);
  const below = generator(7);
  const sizes: Sizes[] = [];
  const used = new Map(names.map((name) => [name, new Set<number>()]));
  for (let tries = 0; sizes.length < count; tries++) {
    const next = pick(names, (name) => recorded(dynamic[name]!, SPREAD), below);
    // As many different sizes of each dimension as there are.
    const isNew = names.every((name) => !used.get(name)!.has(next[name]!));
    if (!isNew && tries < 200) continue;
    for (const name of names) used.get(name)!.add(next[name]!);
    sizes.push(next);
  }
  return sizes;
}

/**
 * Each dimension at its longest beside small others, and one below: at the very longest a part of a table is the table, and no
 * operation cuts it out.
 */
export function longSizes(dynamic: Readonly<Record<string, DynamicDimension>>): (readonly [Sizes, Sizes])[] {
  const names = Object.keys(dynamic);
  const below = generator(13);
  return names.map((name) => {
    const others = pick(names, (name) => recorded(dynamic[name]!, names.length + 1), below);
    const { longest = 64 } = dynamic[name]!;
    return [
      { ...others, [name]: longest },
      { ...others, [name]: longest - 1 },
    ];
  });
}

/** The largest of the sizes at which graph and function are run. */
const RUN = 13;

/** The longest that is run: a pass over more tokens takes much time and memory, and its tensors were looked at already. */
const LONG_RUN = 512;

/** What is run and compared: the smallest sizes, some that were not traced, and the longest where that is no long run. */
export function checkedSizes(dynamic: Readonly<Record<string, DynamicDimension>>, traced: readonly Sizes[]): Sizes[] {
  const names = Object.keys(dynamic);
  const below = generator(11);
  const leastOf = (name: string): number => dynamic[name]!.least ?? 1;
  const longestOf = (name: string): number => dynamic[name]!.longest ?? 64;
  const least = Object.fromEntries(names.map((name) => [name, leastOf(name)]));
  const isTraced = (sizes: Sizes): boolean =>
    traced.some((other) => names.every((name) => other[name] === sizes[name]));
  const others: Sizes[] = [];
  while (others.length < 3) {
    // The last lies where sizes were recorded.
    const next = pick(
      names,
      (name) => (others.length === 2 ? recorded(dynamic[name]!, RUN) : [2, Math.min(RUN, longestOf(name))]),
      below,
    );
    if (!isTraced(next)) others.push(next);
  }
  // Each dimension at its smallest beside others that are not, and at its longest beside others that are.
  const mixed = names.map((name, i) => ({ ...others[i % others.length]!, [name]: leastOf(name) }));
  const longest = names.flatMap((name) => (longestOf(name) > LONG_RUN ? [] : [{ ...least, [name]: longestOf(name) }]));
  return [least, ...mixed, ...others.slice(1), ...longest];
}
