import { expectLinear } from "@cambium/testing";
import { expect, test } from "vitest";
import { wordsOf } from "./words.ts";

test.each([
  ["parseHTMLText", ["parse", "html", "text"]],
  ["XMLHttpRequest", ["xml", "http", "request"]],
])("%s is read word by word", (name, expected) => {
  expect(wordsOf(name)).toEqual(expected);
});

test("a name of 200,000 capitals is read in time in proportion to its length", async () => {
  await expectLinear((length) => wordsOf("A".repeat(length)), 200_000);
});
