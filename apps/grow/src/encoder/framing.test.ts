import { expect, test } from "vitest";
import { framedRows, textWidth } from "./framing.ts";

const seq = 16;
const texts = Array.from({ length: 4 }, (_, row) =>
  Uint16Array.from({ length: textWidth(seq) }, (_, i) => 100 * row + 10 + i),
);
const { ids, types } = framedRows(texts, seq);
const row = (i: number): number[] => [...ids.subarray(i * seq, (i + 1) * seq)];

test("the first half of a batch are pairs of two segments, the second half single texts", () => {
  expect(row(0).filter((id) => id < 5)).toEqual([2, 3, 3]);
  expect(row(3).filter((id) => id < 5)).toEqual([2, 3]);
  expect([...types.subarray(0, 16)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(row(0)[8]).toBe(row(0)[6]! + 1); // the second text follows the first
});

test("a single text stands whole between its marks", () => {
  expect(row(3).slice(1, -1)).toEqual([...texts[3]!]);
});
