import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type CompareEvent, compareMethods, nextRate } from "../compare/compare.ts";
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
  development: accuracy,
  tried: [0.001, 0.003, 0.00033].map((learningRate) => ({ learningRate, development: accuracy })),
});

test("the best stands first, with the interval of its test rows", () => {
  const { rows } = comparisonTable([result("ia3", 0.5), result("lora", 0.9)]);
  expect(rows.map(([method]) => method)).toEqual(["lora", "ia3"]);
  expect(rows[0]!.slice(1, 4)).toEqual([90, "82.6 to 94.5", 0.9]); // Wilson's interval of 90 of 100
  expect(rows[0]!.slice(4)).toEqual([1000, 12, 3, 256, 2, 0.001, "0.001, 0.003, 0.00033", '{"rank":2}']);
});

test.each([
  ["the first rate is the rule of thumb", [], 5, 0.001],
  ["then a higher one", [[0.001, 0.5]], 5, 0.003],
  [
    "on while it gets better",
    [
      [0.001, 0.5],
      [0.003, 0.6],
    ],
    5,
    0.009,
  ],
  [
    "down when it got worse",
    [
      [0.001, 0.5],
      [0.003, 0.4],
    ],
    5,
    0.00033,
  ],
  [
    "no further when the best lies between others",
    [
      [0.001, 0.5],
      [0.003, 0.6],
      [0.009, 0.5],
    ],
    5,
    undefined,
  ],
  [
    "of equal rates the first counts",
    [
      [0.001, 0.5],
      [0.003, 0.5],
      [0.00033, 0.5],
    ],
    5,
    undefined,
  ],
  [
    "a loss that is not finite is the worst",
    [
      [0.001, 0.5],
      [0.003, null],
    ],
    5,
    0.00033,
  ],
  ["down when the first already was", [[0.001, null]], 5, 0.00033],
  [
    "errors of numbers are negative",
    [
      [0.001, -2],
      [0.003, -3],
      [0.00033, -1],
    ],
    5,
    0.00011,
  ],
  [
    "and never more than may be tried",
    [
      [0.001, 0.5],
      [0.003, 0.6],
      [0.009, 0.7],
    ],
    3,
    undefined,
  ],
] as const)("%s", (_, tried, most, expected) => {
  const results = tried.map(([learningRate, development]) => ({ learningRate, development }));
  expect(nextRate(results, 0.001, most)).toBe(expected);
});

test("a method whose loss is not finite at any rate is told of, and the others go on", async () => {
  const out = join(folder, "diverged");
  const keep = (method: string, name: string, value: unknown): string => {
    const own = join(out, method);
    mkdirSync(join(own, name), { recursive: true });
    writeFileSync(join(own, name, "result.json"), JSON.stringify(value));
    return own;
  };
  const job = { table: "", tableOptions: {}, model: "", settings: {}, choices: {}, learningRate: 0.001, seed: 1 };
  const lost = keep("ia3", "rate-0.001", { learningRate: 0.001, development: null });
  keep("ia3", "rate-0.00033", { learningRate: 0.00033, development: null });
  const well = keep("lora", ".", result("lora", 0.9));
  const jobs = [
    { ...job, method: "ia3", out: lost },
    { ...job, method: "lora", out: well },
  ];
  const events: CompareEvent[] = [];
  for await (const event of compareMethods(jobs, 2, out, {}, new AbortController().signal)) events.push(event);
  expect(events[0]).toEqual({ type: "diverged", method: "ia3", rates: [0.001, 0.00033] });
  expect(events.at(-1)).toMatchObject({ type: "end", results: [{ method: "lora" }] });
});

test("a tolerance beside methods that are named is refused", async () => {
  const flags = ["--model", "sapling:bert-4x256", "--methods", "lora", "--tolerance", "5"];
  const { code, errors } = await recorded(["compare", join(folder, "t.csv"), ...flags]);
  expect({ code, error: errors.at(-1) }).toMatchObject({ code: 2, error: expect.stringContaining("--tolerance") });
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
