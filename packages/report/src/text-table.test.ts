import { expect, test } from "vitest";
import { textTable } from "./text-table.ts";

test("columns line up, numbers to the right, text to the left", () => {
  const text = textTable({
    columns: [{ name: "method" }, { name: "accuracy", unit: "%", digits: 1 }, { name: "steps" }],
    rows: [
      ["bag of words", 98.46, undefined],
      ["LoRA", 100, 1234],
    ],
  });
  expect(text.split("\n")).toEqual([
    "method        accuracy (%)  steps",
    "────────────  ────────────  ─────",
    "bag of words          98.5      –",
    "LoRA                 100.0  1,234",
    "",
  ]);
});

test("a table without rows is its headings", () => {
  expect(textTable({ columns: [{ name: "method" }, { name: "F1" }], rows: [] })).toBe("method  F1\n──────  ──\n");
});
