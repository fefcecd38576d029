import { expect, test } from "vitest";
import { formatComparison, meanInterval } from "./comparison-table.ts";

test("the interval is Student's, by hand for 1, 2, 3", () => {
  const { mean, margin } = meanInterval([1, 2, 3]);
  expect(mean).toBe(2);
  expect(margin).toBeCloseTo(4.303 / Math.sqrt(3), 6); // deviation 1, two degrees of freedom
});

test("one line for each model and task", () => {
  const row = { model: "bert-2x128-v1", task: "few-shot", trainCount: 32, steps: 60, devCount: 100 } as const;
  const table = formatComparison([
    { ...row, weights: "grown", seed: 1, accuracy: 0.9, f1: 0.8 },
    { ...row, weights: "grown", seed: 2, accuracy: 0.9, f1: 0.8 },
    { ...row, weights: "random", seed: 1, accuracy: 0.75, f1: 0.5 },
  ]);
  expect(table.split("\n").at(-1)).toBe(
    "| bert-2x128-v1 | few-shot: 32 messages, 60 steps | 2 | 90.0 ± 0.0 | 75.0 | 80.0 ± 0.0 | 50.0 |",
  );
});
