import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { maskPieces } from "./masking.ts";
import { SPECIAL_PIECES } from "./special-pieces.ts";

const ids = Int32Array.from({ length: 20_000 }, (_, i) => (i % 10 === 0 ? 3 : 5 + (i % 90)));
const options = { count: 3000, vocabularySize: 1000 };

test("the labels are what stood at the positions, special pieces are never chosen", () => {
  const { positions, labels } = maskPieces(ids, options, random(1));
  expect(positions).toHaveLength(options.count);
  expect(new Set(positions).size).toBe(options.count);
  expect(labels).toEqual(positions.map((at) => ids[at]!));
  expect(Math.min(...labels)).toBeGreaterThanOrEqual(SPECIAL_PIECES.length);
});

test("80 % are hidden, 10 % replaced, 10 % left, and nothing else changes", () => {
  const { ids: masked, positions, labels } = maskPieces(ids, options, random(2));
  const hidden = positions.filter((at) => masked[at] === 4).length;
  const kept = positions.filter((at, i) => masked[at] === labels[i]).length;
  // Six standard deviations of a share of 3,000 are below 0.044 at 80 % and 0.033 at 10 %.
  expect(Math.abs(hidden / options.count - 0.8)).toBeLessThan(0.044);
  expect(Math.abs(kept / options.count - 0.1)).toBeLessThan(0.033);
  const chosen = new Set(positions);
  expect(masked.every((id, at) => chosen.has(at) || id === ids[at])).toBe(true);
});

test("evaluation hides every chosen piece", () => {
  const { ids: masked, positions } = maskPieces(ids, { ...options, always: true }, random(3));
  expect(positions.every((at) => masked[at] === 4)).toBe(true);
});

test("the same key hides the same pieces, another one others", () => {
  expect(maskPieces(ids, options, random(4))).toEqual(maskPieces(ids, options, random(4)));
  expect(maskPieces(ids, options, random(4)).positions).not.toEqual(maskPieces(ids, options, random(5)).positions);
});
