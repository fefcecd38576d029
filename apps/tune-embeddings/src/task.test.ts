import { expect, test } from "vitest";
import { best } from "./search.ts";
import { createTask } from "./task.ts";
import { partOf, type Synset } from "./wordnet.ts";

const synsets = Array.from(
  { length: 200 },
  (_, i): Synset => ({ id: `noun-${i}`, words: [`word ${i}`, "every"], gloss: `gloss ${i}` }),
);
const sizes = { rows: 100, dev: { queries: 3, searched: 5 }, test: { queries: 4, searched: 10 } };

test("no definition is in two parts, and names alone decide which", () => {
  const { rows, dev, test: measured } = createTask(synsets, sizes);
  const texts = [...rows.map(({ text }) => text), ...dev.queries, ...measured.queries];
  expect(new Set(texts).size).toBe(texts.length);
  expect(rows).toHaveLength(100);
  expect(synsets.filter((each) => partOf(each) === "train").length / 200).toBeCloseTo(0.8, 1);
  expect(createTask([...synsets], { ...sizes, rows: 50 }).test).toEqual(measured);
});

test("what is searched holds every wanted word once", () => {
  const { dev } = createTask(synsets, sizes);
  expect(dev.queries).toHaveLength(3);
  expect(dev.words).toHaveLength(6); // a word of each of five synsets, and the one that they share
  for (const [i, wanted] of dev.wanted.entries()) {
    const number = dev.queries[i]!.split(" ")[1]!;
    expect([...wanted].map((index) => dev.words[index])).toEqual([`word ${number}`, "every"]);
  }
});

test("a query is new where none of its words was trained on", () => {
  const { rows, test: measured, isNew } = createTask(synsets, sizes);
  const isTrained = rows.some(({ pair }) => pair === "every");
  expect(isTrained).toBe(true);
  expect(isNew).toEqual(measured.queries.map(() => false));
  expect(createTask(synsets, { ...sizes, rows: 0 }).isNew).toEqual(measured.queries.map(() => true));
});

test("the best places are those of the largest scores, of equal ones the first", () => {
  expect(best([0.1, 0.9, 0.5, 0.9, -1, 0.7], 4)).toEqual([1, 3, 5, 2]);
  expect(best([1, 2], 10)).toEqual([1, 0]);
});
