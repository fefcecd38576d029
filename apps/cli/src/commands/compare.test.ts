import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { MethodResult } from "../compare/method-job.ts";
import { comparisonTable } from "../compare/report.ts";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-cli-compare-"));
afterAll(() => rmSync(folder, { recursive: true }));

const result = (method: string, accuracy: number): MethodResult => ({
  method,
  settings: { rank: 2 },
  trained: 1000,
  learningRate: 0.001,
  stepMs: 12,
  totalMs: 3000,
  peakBytes: 2 ** 28,
  fileBytes: 2048,
  metrics: { accuracy, macroF1: accuracy },
  rows: 100,
});

test("the best stands first, with the interval of its test rows", () => {
  const { rows } = comparisonTable([result("ia3", 0.5), result("lora", 0.9)]);
  expect(rows.map(([method]) => method)).toEqual(["lora", "ia3"]);
  expect(rows[0]!.slice(1, 4)).toEqual([90, "82.6 to 94.5", 0.9]); // Wilson's interval of 90 of 100
  expect(rows[0]!.slice(4)).toEqual([1000, 12, 3, 256, 2, 0.001, '{"rank":2}']);
});

test("a method that there is not is refused with those that there are", async () => {
  const path = join(folder, "t.csv");
  writeFileSync(path, "text,label\na b c,x\nd e f,y\n");
  const out = join(folder, "out");
  const { code, errors } = await recorded([
    "compare",
    path,
    "--model",
    "sapling:bert-4x256",
    "--methods",
    "lora,magic",
    "--out",
    out,
  ]);
  expect(code).toBe(2);
  expect(errors.at(-1)).toMatch(/there is no method "magic"; there are .*lora/);
});
