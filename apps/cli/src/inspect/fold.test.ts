import { expect, test } from "vitest";
import { fold, rangeText } from "./fold.ts";

test.each([
  [[3], "3"],
  [[0, 1, 2, 3], "0-3"],
  [[5, 2, 0, 6, 7], "0,2,5-7"],
])("numbers %j are the range %s", (numbers, text) => {
  expect(rangeText(numbers)).toBe(text);
});

test("names that differ in their first number are one row, unless they are unlike", () => {
  const items = [
    ["words.weight", 9],
    ["layer.0.a.weight", 4],
    ["layer.0.b.1.weight", 4],
    ["layer.1.a.weight", 4],
    ["layer.1.b.1.weight", 4],
    ["layer.2.a.weight", 8],
    ["head10.weight", 1],
  ] as const;
  expect(fold<number>(items, String)).toEqual([
    { name: "words.weight", values: [9] },
    { name: "layer.0-1.a.weight", values: [4, 4] },
    { name: "layer.0-1.b.1.weight", values: [4, 4] },
    { name: "layer.2.a.weight", values: [8] },
    { name: "head10.weight", values: [1] },
  ]);
});
