import { expect, test } from "vitest";
import { wordsOf } from "./words.ts";

test.each([
  ["parseHTMLText", ["parse", "html", "text"]],
  ["XMLHttpRequest", ["xml", "http", "request"]],
])("%s is read word by word", (name, expected) => {
  expect(wordsOf(name)).toEqual(expected);
});

test("a name of 200,000 capitals is read in time in proportion to its length", () => {
  const start = performance.now();
  wordsOf("A".repeat(200_000));
  expect(performance.now() - start).toBeLessThan(2000); // with the square of it, half a minute
});
