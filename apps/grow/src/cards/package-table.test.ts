import { expect, test } from "vitest";
import type { Growth } from "../growth/growth.ts";
import { writePackageTables } from "./package-table.ts";

const growth = {
  name: "bert-2x128-v1",
  date: "2026-01-02",
  parameterCount: 1_500_000,
  steps: 1000,
  piecesPerStep: 4096,
  firstLoss: 9.5,
  lastLoss: 4.25,
  perplexity: { wordnet: 50, speeches: 20.04, bible: 10, mail: 80 },
} as unknown as Growth;

test("the tables stand between the marks, and writing them again changes nothing", () => {
  const once = writePackageTables("before\n<!-- models -->\nold\n<!-- /models -->\nafter\n", [growth], []);
  expect(once).toContain("| bert-2x128-v1 | 1.5 M | 4.1 M | 9.50 to 4.25 | 50.0 | 20.0 | 10.0 | 80.0 | 2026-01-02 |");
  expect(once.startsWith("before\n<!-- models -->\n")).toBe(true);
  expect(once.endsWith("<!-- /models -->\nafter\n")).toBe(true);
  expect(once).not.toContain("old");
  expect(writePackageTables(once, [growth], [])).toBe(once);
});

test("a README without marks is refused", () => {
  expect(() => writePackageTables("nothing", [growth], [])).toThrow("<!-- models -->");
});
