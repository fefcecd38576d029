import { expect, test } from "vitest";
import { describeDifference } from "./describe-difference.ts";
import { ELEMENT_TYPES } from "./graph.ts";
import { MARK } from "./program.ts";

test("elements of constants are not taken for marks", () => {
  const constant = (elements: number[]): number[] => [
    MARK.structure,
    ELEMENT_TYPES.int64,
    1,
    elements.length,
    ...elements,
  ];
  const feed = (length: number): number[] => [MARK.data, ELEMENT_TYPES.float32, 1, length];
  // −1 is the mark of an input, and −9 would be its rank.
  const code = (length: number): Int32Array => Int32Array.from([...constant([-1, 0, -9]), ...feed(length)]);
  expect(describeDifference(code(4), [code(3)])).toBe(
    "like a program before, but input float32 [3] became input float32 [4]",
  );
});
