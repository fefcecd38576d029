import fc from "fast-check";
import { expect, test } from "vitest";
import { SPECIAL_PIECES, trainWordPiece } from "./wordpiece.ts";

const words = (counts: Readonly<Record<string, number>>): Map<string, number> => new Map(Object.entries(counts));
const train = (counts: Map<string, number>, size: number, leastCharacterCount = 1): readonly string[] =>
  trainWordPiece(counts, { size, leastCharacterCount }).slice(SPECIAL_PIECES.length);

/** The rule spelt out: count all pairs again before each merge. */
function trainSlowly(counts: ReadonlyMap<string, number>, size: number): readonly string[] {
  const split = [...counts].map(([word, count]) => ({
    symbols: [...word].map((c, i) => (i === 0 ? c : `##${c}`)),
    count,
  }));
  const pieces = [...new Set(split.flatMap(({ symbols }) => symbols))].sort();
  const id = (piece: string): number => pieces.indexOf(piece);
  while (pieces.length + SPECIAL_PIECES.length < size) {
    const pairs = new Map<string, number>();
    for (const { symbols, count } of split)
      for (let i = 1; i < symbols.length; i++)
        pairs.set(`${symbols[i - 1]} ${symbols[i]}`, (pairs.get(`${symbols[i - 1]} ${symbols[i]}`) ?? 0) + count);
    const ranked = [...pairs].map(([pair, count]) => ({ pair: pair.split(" ") as [string, string], count }));
    ranked.sort((a, b) => b.count - a.count || id(a.pair[0]) - id(b.pair[0]) || id(a.pair[1]) - id(b.pair[1]));
    const best = ranked[0];
    if (best === undefined) break;
    const piece = best.pair[0] + best.pair[1].slice(2);
    if (!pieces.includes(piece)) pieces.push(piece);
    for (const entry of split) {
      for (let i = 1; i < entry.symbols.length; i++)
        if (entry.symbols[i - 1] === best.pair[0] && entry.symbols[i] === best.pair[1])
          entry.symbols.splice(i - 1, 2, piece);
    }
  }
  return pieces;
}

test("the most frequent pair is merged first", () => {
  // ##o ##w and l ##o occur 7 times each; the pair of the older symbols is the first, ##o ##w.
  expect(train(words({ low: 5, lower: 2, new: 6 }), 100).slice(0, 7)).toEqual([
    "##e",
    "##o",
    "##r",
    "##w",
    "l",
    "n",
    "##ow",
  ]);
});

test("a pair that occurs twice in a run is merged from the left", () => {
  // a ##a ##a ##a becomes a ##aa ##a, whose first pair is then the older one.
  expect(train(words({ aaaa: 1 }), SPECIAL_PIECES.length + 4)).toEqual(["##a", "a", "##aa", "aaa"]);
});

test("rare characters get no piece", () => {
  expect(train(words({ ab: 10, zb: 1 }), 100, 5)).toEqual(["##b", "a", "ab"]);
});

test("the special pieces come first and the size is kept", () => {
  const pieces = trainWordPiece(words({ abcdefgh: 3, hgfedcba: 2 }), { size: 25, leastCharacterCount: 1 });
  expect(pieces.slice(0, 5)).toEqual(SPECIAL_PIECES);
  expect(pieces).toHaveLength(25);
  expect(new Set(pieces).size).toBe(25);
});

test("incremental counts give what counting again gives", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(word, fc.integer({ min: 1, max: 9 })), {
        selector: ([w]) => w,
        minLength: 1,
        maxLength: 12,
      }),
      fc.integer({ min: 12, max: 40 }),
      (entries, size) => {
        const counts = new Map(entries);
        expect(train(counts, size)).toEqual(trainSlowly(counts, size));
      },
    ),
  );
});
