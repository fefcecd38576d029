import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { END_ID, SENTINEL_ID } from "../text/byte-vocabulary.ts";
import { corruptSpans, planSpans } from "./corrupt.ts";

const text = Uint16Array.from({ length: 256 }, (_, i) => 1000 + i);
const isPiece = (id: number): boolean => id >= 1000;

/** The text that a source and a target came from. */
function restore(source: readonly number[], target: readonly number[]): number[] {
  return source.flatMap((id) => {
    if (isPiece(id)) return [id];
    const at = target.indexOf(id);
    if (at < 0 || id === END_ID) return [];
    const next = target.findIndex((other, i) => i > at && !isPiece(other));
    return target.slice(at + 1, next);
  });
}

test.each([1, 2, 3, 4, 5])("a source with the spans of its target in place is the text (seed %i)", (seed) => {
  const { source, target } = corruptSpans(text, random(seed));
  expect(restore(source, target)).toEqual([...text]);
});

test("15 % are hidden in 13 spans, and both sides have the planned lengths", () => {
  const plan = planSpans(256);
  expect(plan).toEqual({ hidden: 38, spans: 13, source: 232, target: 53 });
  const { source, target } = corruptSpans(text, random(7));
  expect([source.length, target.length]).toEqual([plan.source, plan.target]);
  expect(target.filter(isPiece)).toHaveLength(plan.hidden);
  expect(target.filter((id) => !isPiece(id))).toEqual([
    ...Array.from({ length: plan.spans + 1 }, (_, i) => SENTINEL_ID + i),
    END_ID,
  ]);
  expect(source.filter((id) => !isPiece(id))).toEqual([
    ...Array.from({ length: plan.spans }, (_, i) => SENTINEL_ID + i),
    END_ID,
  ]);
});

test("every piece is hidden as often as another, but for the ends", () => {
  const counts = new Float64Array(256);
  const draws = 2000;
  for (let i = 0; i < draws; i++)
    for (const id of corruptSpans(text, random(9).at(i)).target) if (isPiece(id)) counts[id - 1000]!++;
  // In the middle the share is 38/256 = 0.148; six standard deviations of 2,000 draws are 0.048.
  for (let at = 40; at < 216; at++) expect(Math.abs(counts[at]! / draws - 38 / 256)).toBeLessThan(0.048);
});
