import { expect, test } from "vitest";
import { inOrderOf, isHeld } from "./held.ts";
import { packageFolder } from "./packages.ts";
import { passagesOf, sentencesOf } from "./prose.ts";
import { balance, devAndTest } from "./real-task.ts";
import { readSynset } from "./wordnet.ts";

test("a line of WordNet is its words, its definition without examples, its field and what it points at", () => {
  const line =
    '00003993 03 n 02 living_thing 0 animate_thing(p) 1 002 @ 00003553 n 0000 ! 00022119 a 0201 | a thing that lives; or once did; "it was a living thing"; "so it was"  ';
  expect(readSynset("noun", line)).toEqual({
    id: "noun-00003993",
    partOfSpeech: "noun",
    field: "tops",
    words: ["living thing", "animate thing"],
    text: 'a thing that lives; or once did; "it was a living thing"; "so it was"',
    gloss: "a thing that lives; or once did",
    pointers: [
      { sign: "@", id: "noun-00003553" },
      { sign: "!", id: "adj-00022119", words: [1, 0] },
    ],
  });
  expect(readSynset("noun", "  29 Princeton University and LICENSEE agrees | to")).toBeUndefined();
});

test("every fiftieth document is held back", () => {
  expect(Array.from({ length: 150 }, (_, i) => i).filter(isHeld)).toEqual([25, 75, 125]);
});

test("sentences end with a sign before a capital, and passages hold whole ones", () => {
  const text = 'It rained.\nHe said "no." Mr. e went on (i.e. away)!  So?';
  expect(sentencesOf(text)).toEqual(["It rained.", 'He said "no."', "Mr. e went on (i.e. away)!", "So?"]);
  expect(passagesOf("One two. Three four five. Six.", 4)).toEqual(["One two. Three four five."]);
});

test("parts are dealt by the rows alone, two thirds of each class to test", () => {
  const rows = Array.from({ length: 30 }, (_, i) => ({ text: `row ${i}`, label: i < 12 ? "a" : "b" }));
  const { dev, test: held } = devAndTest(rows);
  expect(devAndTest(rows.toReversed())).toEqual({ dev, test: held });
  expect(held.filter(({ label }) => label === "a")).toHaveLength(8);
  expect(dev).toHaveLength(10);
  expect(balance(rows, 100).filter(({ label }) => label === "b")).toHaveLength(12);
  expect(inOrderOf(rows, ({ text }) => text)).not.toEqual(rows);
});

test("a package that is not installed is named, with how to install it", () => {
  expect(() => packageFolder("no-such-package")).toThrow(
    "reads the package no-such-package; install it: npm install no-such-package",
  );
});
