import { expect, test } from "vitest";
import { joinParts, positionOf } from "./program.ts";

const parts = [
  { name: "tool", source: "one\ntwo\n" },
  { name: "call", source: "four" },
  { name: "empty", source: "" },
];

test("each line of a program belongs to one part", () => {
  const program = joinParts(parts);
  expect(program.source).toBe("one\ntwo\n\nfour\n");
  expect([1, 2, 3, 4, 5].map((line) => positionOf(program, line))).toEqual([
    { part: "tool", line: 1 },
    { part: "tool", line: 2 },
    { part: "tool", line: 3 },
    { part: "call", line: 1 },
    { part: "empty", line: 1 },
  ]);
});

test("lines outside of the program have no position", () => {
  const program = joinParts(parts);
  expect([positionOf(program, 0), positionOf(program, 6), positionOf(program, Number.NaN)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("one string is one part named program", () => {
  expect(positionOf(joinParts("a\nb"), 2, 7)).toEqual({ part: "program", line: 2, column: 7 });
});
