import { expect, test } from "vitest";
import { readIndices, writeIndices } from "./index-text.ts";

test.each([
  [[]],
  [[0]],
  [[0, 1, 2]],
  [[5, 132, 133, 20_000, 2 ** 31 - 2]],
  [Array.from({ length: 9001 }, (_, i) => i * 130)],
])("%j comes back from its text", (indices) => {
  const text = writeIndices(Int32Array.from(indices));
  expect([...readIndices(text, 2 ** 31 - 1, "it")]).toEqual(indices);
});

test("gaps below 128 take one byte each, a third more in base 64", () => {
  const indices = Int32Array.from({ length: 3000 }, (_, i) => 100 * i);
  expect(writeIndices(indices)).toHaveLength(4000);
});

test("places out of range, cut numbers and other text are errors that name what they belong to", () => {
  expect(() => readIndices(writeIndices(Int32Array.of(9)), 9, "q")).toThrow(
    "q: its indices reach 9, and there are 9 places",
  );
  expect(() => readIndices(btoa(String.fromCharCode(200)), 9, "q")).toThrow("end within a number");
  expect(() => readIndices("§", 9, "q")).toThrow("no base 64");
});
