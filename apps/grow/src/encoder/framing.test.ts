import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { createSampler } from "./sampling.ts";

const stream = Uint16Array.from({ length: 2000 }, (_, i) => 5 + i); // each piece tells its place
const shape = { batch: 4, seq: 16 };
const rowsAt = createSampler(stream, shape, random(1));
const row = (step: number, i: number): number[] => [...rowsAt(step).ids.subarray(i * shape.seq, (i + 1) * shape.seq)];

test("the first half of a batch are pairs of two segments, the second half single texts", () => {
  const { types } = rowsAt(0);
  expect(row(0, 0).filter((id) => id < 5)).toEqual([2, 3, 3]);
  expect(row(0, 3).filter((id) => id < 5)).toEqual([2, 3]);
  expect([...types.subarray(0, 16)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(row(0, 0)[8]).toBe(row(0, 0)[6]! + 1); // the second text follows the first
});

test("an epoch reads every window once", () => {
  const windows = Math.floor(stream.length / 14) - 1;
  const starts = Array.from({ length: Math.floor(windows / shape.batch) }, (_, step) =>
    [0, 1, 2, 3].map((i) => row(step, i)[1]!),
  ).flat();
  expect(new Set(starts).size).toBe(starts.length);
});

test("a step's rows do not depend on the steps before it", () => {
  const fresh = createSampler(stream, shape, random(1));
  expect(fresh(120)).toEqual(rowsAt(120));
  rowsAt(3);
  expect(rowsAt(120)).toEqual(fresh(120));
});
