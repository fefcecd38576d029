import { random } from "@cambium/core";
import { readTable, type Table } from "@cambium/tasks";
import { expect, test } from "vitest";
import { checkNumbers, planTuning, splitTable, weightsOf } from "./plan.ts";

const tableOf = (counts: Readonly<Record<string, number>>): Promise<Table> =>
  readTable(
    Object.entries(counts).flatMap(([label, count]) =>
      Array.from({ length: count }, (_, i) => ({
        text: `${label}${i} says ${label}${i * 7} and ${label}${i * 13}`,
        label,
      })),
    ),
  );

test("every class is in every part, and the same seed gives the same parts", async () => {
  const table = await tableOf({ a: 40, b: 30, c: 4 });
  const parts = splitTable(table, random(1));
  for (const part of [parts.train, parts.dev, parts.test]) {
    expect(new Set(part.map(({ label }) => label))).toEqual(new Set(["a", "b", "c"]));
  }
  expect(splitTable(table, random(1))).toEqual(parts);
});

test("a class with too few rows is named, with its rows", async () => {
  const table = await tableOf({ a: 10, b: 10, c: 2 });
  expect(() => splitTable(table, random(1))).toThrow('class "c" of the given rows has 2 rows (row 21, 22), it needs 3');
});

test("the same text with two classes is said", async () => {
  const { rows } = await tableOf({ a: 40, b: 40 });
  const twins = rows.slice(0, 10).map(({ text }) => ({ text: `${text}!`, label: "b" }));
  const { duplicates, disputed } = splitTable(await readTable([...rows, ...twins]), random(1));
  expect([duplicates, disputed]).toEqual([10, 10]);
});

test("classes are weighted from twice as many rows on, so that each counts alike", async () => {
  expect(weightsOf((await tableOf({ a: 10, b: 19 })).rows)).toBeUndefined();
  const weights = weightsOf((await tableOf({ a: 10, b: 30 })).rows)!;
  expect(10 * weights.get("a")!).toBeCloseTo(30 * weights.get("b")!, 12);
});

const inputs = { width: 256, rows: 320, lengths: [...Array(99).fill(20), 500], modelLength: 512 };

test("rate, epochs and length follow from width, rows and their tokens", () => {
  expect(planTuning(inputs, {})).toEqual({
    method: "lora",
    learningRate: 2e-3,
    batchSize: 16,
    epochs: 20,
    maxLength: 256,
    rank: 8,
    steps: 400,
    evaluateEvery: 20,
    patience: 5,
  });
  expect(planTuning({ ...inputs, lengths: Array(200).fill(20) }, {}).maxLength).toBe(32);
  expect(planTuning({ ...inputs, width: 768, rows: 32_000 }, {})).toMatchObject({
    learningRate: 5e-4,
    epochs: 3,
    steps: 6000,
  });
  expect(planTuning({ ...inputs, modelLength: 128 }, {}).maxLength).toBe(128);
});

test("what is given is taken", () => {
  const given = { method: "whole", learningRate: 1e-4, batchSize: 8, epochs: 2, maxLength: 64 } as const;
  expect(planTuning(inputs, given)).toMatchObject({ ...given, steps: 80 });
});

test("numbers that a head learns badly are refused", async () => {
  const of = (labels: readonly number[]) =>
    readTable(
      labels.map((label, i) => ({ text: `some text ${i}`, label })),
      { kind: "numbers" },
    );
  checkNumbers(await of([-1.5, 0, 2]));
  const far = await of([0, 50, 100]);
  expect(() => checkNumbers(far)).toThrow("holds numbers from 0 to 100; scale them");
  const equal = await of([0.5, 0.51]);
  expect(() => checkNumbers(equal)).toThrow("scale them");
});
