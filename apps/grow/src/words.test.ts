import { expect, test } from "vitest";
import { countWords, splitWords } from "./words.ts";

test("case and accents go, punctuation stands alone", () => {
  expect(splitWords("Café-au-lait, $5!\tNaïve\u0000  Ünder_score")).toEqual([
    "cafe",
    "-",
    "au",
    "-",
    "lait",
    ",",
    "$",
    "5",
    "!",
    "naive",
    "under",
    "_",
    "score",
  ]);
});

test("each ideograph is a word", () => {
  expect(splitWords("a漢字b")).toEqual(["a", "漢", "字", "b"]);
});

test("words are counted over all texts", () => {
  expect(countWords(["a b a", "A"])).toEqual(
    new Map([
      ["a", 3],
      ["b", 1],
    ]),
  );
});
