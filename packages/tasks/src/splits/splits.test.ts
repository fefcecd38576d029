import { random } from "@cambium/core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dropDuplicates, dropKnown, findDuplicates, normaliseText } from "./duplicates.ts";
import { fewShot } from "./few-shot.ts";
import { groupBy } from "./row-parts.ts";
import { split } from "./split.ts";

interface Made {
  readonly text: string;
  readonly label: string;
  readonly group?: string;
}

const rowsOf = (counts: Readonly<Record<string, number>>): Made[] =>
  Object.entries(counts).flatMap(([label, count]) =>
    Array.from({ length: count }, (_, i) => ({ text: `${label} ${i}`, label })),
  );

const parts = { train: "rest", dev: 0.1, test: 0.2 } as const;

test("every row is in one part, and every part has its share of every class to less than a row", () => {
  const rows = rowsOf({ a: 137, b: 41, c: 22 });
  const made = split(rows, { parts, random: random(1) });
  expect(new Set(Object.values(made).flat()).size).toBe(rows.length);
  expect(made.dev).toHaveLength(20);
  expect(made.test).toHaveLength(40);
  for (const [part, share] of [
    ["dev", 0.1],
    ["test", 0.2],
    ["train", 0.7],
  ] as const) {
    for (const [label, own] of groupBy(rows, ({ label }) => label)) {
      const count = made[part].filter((row) => row.label === label).length;
      expect(Math.abs(count - share * own.length), `${label} in ${part}`).toBeLessThan(1);
    }
  }
});

test("a class with a row for each part is in every part", () => {
  for (const few of [3, 4, 5, 6]) {
    const made = split(rowsOf({ a: 200, b: 150, c: few }), {
      parts: { train: "rest", dev: 0.05, test: 0.05 },
      random: random(few),
    });
    for (const part of Object.values(made))
      expect(part.filter(({ label }) => label === "c").length).toBeGreaterThanOrEqual(1);
  }
});

test("a split depends on its seed alone, and another seed gives another", () => {
  const rows = rowsOf({ a: 50, b: 50 });
  const texts = (seed: number): string[] => split(rows, { parts, random: random(seed) }).test.map(({ text }) => text);
  expect(texts(1)).toEqual(texts(1));
  expect(texts(1)).not.toEqual(texts(2));
});

test("no group is in two parts, whatever the groups, and no row is in two", () => {
  const made = fc.array(
    fc.record({
      label: fc.constantFrom("a", "b", "c"),
      group: fc.option(fc.constantFrom(..."uvwxyz"), { nil: undefined }),
    }),
    {
      minLength: 40,
      maxLength: 80,
    },
  );
  fc.assert(
    fc.property(made, fc.nat(1000), (list, seed) => {
      const rows = list.map(({ label, group }, i) => ({
        text: String(i),
        label,
        ...(group !== undefined && { group }),
      }));
      let result: Record<string, typeof rows>;
      try {
        result = split(rows, { parts: { train: "rest", test: 0.3 }, random: random(seed) });
      } catch (error) {
        expect((error as Error).message).toContain("smaller groups"); // one group may be larger than a part
        return;
      }
      const groups = Object.values(result).map((part) => new Set(part.flatMap(({ group }) => group ?? [])));
      expect([...groups[0]!].filter((group) => groups[1]!.has(group))).toEqual([]);
      const all = Object.values(result).flat();
      expect(new Set(all).size).toBe(all.length);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("groups are split so that the classes keep their shares where that can be", () => {
  const rows = Array.from({ length: 40 }, (_, g) =>
    Array.from(
      { length: 5 },
      (_, i): Made => ({ text: `${g} ${i}`, label: g % 4 === 0 ? "rare" : "usual", group: `g${g}` }),
    ),
  ).flat();
  const { test: held } = split(rows, { parts: { train: "rest", test: 0.2 }, random: random(3) });
  expect(held).toHaveLength(40);
  expect(held.filter(({ label }) => label === "rare")).toHaveLength(10);
});

test.each([
  ["more rows than there are", { train: 8, test: 8 }, "the parts want 16 rows, there are 10"],
  ["shares above 1", { train: 0.8, test: 0.3 }, "the shares add up to 1.1"],
  ["two rests", { train: "rest", test: "rest" }, "only one part can be the rest, got train and test"],
  ["no parts", {}, "there are no parts"],
  ["a part without rows", { train: "rest", test: 0.01 }, 'part "test" was to have 0 of 10 rows'],
] as const)("%s are refused", (_, wanted, message) => {
  expect(() => split(rowsOf({ a: 10 }), { parts: wanted as never, random: random(1) })).toThrow(message);
});

test("a part smaller than every group is refused", () => {
  const rows = rowsOf({ a: 10 }).map((row, i) => ({ ...row, group: String(i % 2) }));
  expect(() => split(rows, { parts: { train: "rest", test: 0.2 }, random: random(1) })).toThrow("smaller groups");
});

test("shares that add up to all give every row away, however they round", () => {
  for (let count = 10; count < 40; count++) {
    const made = split(rowsOf({ a: count }), { parts: { train: 0.8, dev: 0.1, test: 0.1 }, random: random(count) });
    expect(Object.values(made).flat().length).toBeGreaterThanOrEqual(count - 1);
    expect(new Set(Object.values(made).flat()).size).toBe(Object.values(made).flat().length);
  }
});

test("a few rows of each class are drawn, and fewer of one seed are among more of it", () => {
  const rows = rowsOf({ a: 30, b: 9 });
  const drawn = (perClass: number) => fewShot(rows, { perClass, random: random(5) });
  for (const own of groupBy(drawn(8), ({ label }) => label).values()) expect(own).toHaveLength(8);
  expect(drawn(8)).toEqual(expect.arrayContaining(drawn(4)));
  expect(() => drawn(10)).toThrow('class "b" has 9 rows, 10 are wanted');
  expect(() => fewShot([...rows, { text: "new" }], { perClass: 2, random: random(5) })).toThrow("row 39 has no label");
  const kept = fewShot(rows, { perClass: 10, fewer: "keep", random: random(5) });
  expect(groupBy(kept, ({ label }) => label).get("b")).toHaveLength(9);
});

test("texts that differ in case, spaces and signs are duplicates, and pairs are compared as pairs", () => {
  const found = findDuplicates([
    { text: "Hello, world" },
    { text: "hello   WORLD!" },
    { text: "hello world", pair: "x" },
    { text: "!!" },
    { text: "??" },
  ]);
  expect(found).toEqual([{ rows: [0, 1], likeness: 1 }]);
  expect(normaliseText("Ｆｕｌｌ width—Naïve!")).toBe("full width naïve");
});

test("near duplicates are all found, with the share of words that both have", () => {
  const words = fc.array(fc.constantFrom(..."abcdefghij"), { minLength: 1, maxLength: 7 });
  const naive = (texts: readonly string[], near: number): string[] =>
    texts.flatMap((a, i) =>
      texts.slice(i + 1).flatMap((b, n) => {
        const [one, two] = [new Set(a.split(" ")), new Set(b.split(" "))];
        const shared = [...one].filter((word) => two.has(word)).length;
        const likeness = a === b ? 1 : shared / (one.size + two.size - shared);
        return likeness >= near - 1e-9 ? [`${i} ${i + 1 + n} ${likeness.toFixed(6)}`] : [];
      }),
    );
  fc.assert(
    fc.property(
      fc.array(words, { minLength: 2, maxLength: 12 }),
      fc.constantFrom(0.3, 0.5, 0.6, 0.8, 0.9, 1),
      (lists, near) => {
        const texts = lists.map((list) => list.join(" "));
        // At 1, the order of the words counts too.
        const wanted =
          near === 1
            ? naive(texts, near).filter(
                (line) => texts[Number(line.split(" ")[0])] === texts[Number(line.split(" ")[1])],
              )
            : naive(texts, near);
        const found = findDuplicates(
          texts.map((text) => ({ text })),
          { near },
        );
        expect(found.map(({ rows: [i, j], likeness }) => `${i} ${j} ${likeness.toFixed(6)}`)).toEqual(wanted);
      },
    ),
    { seed: 1, numRuns: 500 },
  );
});

test("what is measured stays and what is trained on gives way", () => {
  const row = (text: string, label = "a") => ({ text, label });
  const {
    parts: kept,
    dropped,
    disputed,
  } = dropDuplicates({
    train: [row("One two"), row("three four"), row("three, four"), row("five", "b")],
    dev: [row("five")],
    test: [row("one two")],
  });
  expect(kept).toEqual({ train: [row("three four")], dev: [row("five")], test: [row("one two")] });
  expect(dropped).toEqual({ train: 3, dev: 0, test: 0 });
  expect(disputed).toBe(1);
});

test("a likeness out of range is refused", () => {
  expect(() => findDuplicates([], { near: 0 })).toThrow("near must be above 0");
  expect(() => findDuplicates([], { nera: 0.5 } as never)).toThrow('unknown option "nera"');
});

test("rows that are known are dropped, and those alike among themselves stay", () => {
  const rows = ["one two three four", "one two three four five", "six seven", "Eight, nine"].map((text) => ({ text }));
  expect(dropKnown(rows, [{ text: "eight nine" }, { text: "six ten" }])).toEqual(rows.slice(0, 3));
  expect(dropKnown(rows, [{ text: "six seven ten" }, { text: "other words" }], { near: 0.6 })).toEqual([
    rows[0],
    rows[1],
    rows[3],
  ]);
  expect(() => dropKnown([], [], { near: 2 })).toThrow("dropKnown: near must be");
});
