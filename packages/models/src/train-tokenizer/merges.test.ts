import fc from "fast-check";
import { expect, test } from "vitest";
import { type Merged, mergePairs } from "./merges.ts";

const split = (word: string): string[] => Array.from(word, (each, i) => (i === 0 ? each : `##${each}`));
const join = (left: string, right: string): string => left + right.slice(2);
const beginOf = (words: ReadonlyMap<string, number>): string[] => [...new Set([...words.keys()].flatMap(split))].sort();

function train(
  counts: Readonly<Record<string, number>> | ReadonlyMap<string, number>,
  size: number,
  leastCount = 1,
): Merged {
  const words = counts instanceof Map ? counts : new Map(Object.entries(counts as Record<string, number>));
  const merging = mergePairs(words, { begin: beginOf(words), split, join, size, leastCount });
  let step = merging.next();
  while (step.done !== true) step = merging.next();
  return step.value;
}

/** The rule spelt out: count all pairs again before each merge. */
function trainSlowly(counts: ReadonlyMap<string, number>, size: number): string[] {
  const corpus = Array.from(counts, ([word, count]) => ({ symbols: split(word), count }));
  const pieces = beginOf(counts);
  const id = (piece: string): number => pieces.indexOf(piece);
  while (pieces.length < size) {
    const pairs = new Map<string, number>();
    for (const { symbols, count } of corpus)
      for (let i = 1; i < symbols.length; i++)
        pairs.set(`${symbols[i - 1]} ${symbols[i]}`, (pairs.get(`${symbols[i - 1]} ${symbols[i]}`) ?? 0) + count);
    const ranked = [...pairs].map(([pair, count]) => ({ pair: pair.split(" ") as [string, string], count }));
    ranked.sort((a, b) => b.count - a.count || id(a.pair[0]) - id(b.pair[0]) || id(a.pair[1]) - id(b.pair[1]));
    const best = ranked[0];
    if (best === undefined) break;
    const piece = join(...best.pair);
    if (!pieces.includes(piece)) pieces.push(piece);
    for (const { symbols } of corpus)
      for (let i = 1; i < symbols.length; i++)
        if (symbols[i - 1] === best.pair[0] && symbols[i] === best.pair[1]) symbols.splice(i - 1, 2, piece);
  }
  return pieces;
}

test("the most frequent pair is merged first", () => {
  // ##o ##w and l ##o occur 7 times each; the pair of the older symbols is the first, ##o ##w.
  const { pieces } = train({ low: 5, lower: 2, new: 6 }, 100);
  expect(pieces.slice(0, 7)).toEqual(["##e", "##o", "##r", "##w", "l", "n", "##ow"]);
});

test("a pair that occurs twice in a run is merged from the left", () => {
  // a ##a ##a ##a becomes a ##aa ##a, whose first pair is then the older one.
  expect(train({ aaaa: 1 }, 4).pieces).toEqual(["##a", "a", "##aa", "aaa"]);
});

test("pairs that occur less often than asked for stay apart", () => {
  expect(train({ ab: 3, cd: 2 }, 100, 3).merges).toEqual([["a", "##b"]]);
});

test("merges make the pieces, in their order", () => {
  const { pieces, merges } = train({ low: 5, lower: 2, new: 6 }, 100);
  expect([...new Set(merges.map((pair) => join(...pair)))]).toEqual(pieces.slice(6));
});

test("incremental counts give what counting again gives", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 8 });
  const entries = fc.uniqueArray(fc.tuple(word, fc.integer({ min: 1, max: 9 })), {
    selector: ([each]) => each,
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(entries, fc.integer({ min: 6, max: 20 }), (given, size) => {
      const counts = new Map(given);
      expect(train(counts, size).pieces).toEqual(trainSlowly(counts, size));
    }),
  );
});
