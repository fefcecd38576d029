import { expect, test } from "vitest";
import { planStages, scheduleCost } from "../cost/schedule-cost.ts";
import { growWhenFlat } from "./growth-rule.ts";
import { type Stage, stagesOf } from "./stages.ts";

test("the paper's stages of 30,000 steps are 6,000 three times, then 12,000", () => {
  const stages = stagesOf("paper", 30_000);
  expect(stages.map(({ to }) => to)).toEqual([6000, 12_000, 18_000, 30_000]);
  expect(stages.map(({ depth, width }) => [depth, width])).toEqual([
    [0.25, 0.25],
    [0.5, 0.5],
    [0.75, 0.75],
    [1, 1],
  ]);
  expect(stagesOf("paper-depth", 10).every(({ width }) => width === 1)).toBe(true);
});

test("depth and width grow at boundaries of their own", () => {
  const stages = stagesOf(
    { depth: [{ share: 0.5, depth: 0.5 }, { share: 0.5 }], width: [{ steps: 2, width: 0.25 }, { steps: 8 }] },
    10,
  );
  expect(stages.map(({ from, to, depth, width }) => [from, to, depth, width])).toEqual([
    [0, 2, 0.5, 0.25],
    [2, 5, 0.5, 1],
    [5, 10, 1, 1],
  ]);
});

test("boundaries are rounded, and stages without a step are left out", () => {
  expect(stagesOf([{ share: 1 / 3, depth: 0.5 }, { share: 1 / 3 }, { share: 1 / 3 }], 10).map(({ to }) => to)).toEqual([
    3, 7, 10,
  ]);
  expect(stagesOf([{ share: 1, depth: 0.5 }, { share: 0 }], 10)).toHaveLength(1);
});

test.each([
  [[{ share: 0.5 }], /sum to the run's 10 steps, and they sum to 5/],
  [[{ share: 0.5, steps: 5 }, { share: 0.5 }], /either "share" or "steps"/],
  [[], /at least one/],
  ["papers", /there is no schedule "papers"/],
  [[{ share: 1, dept: 0.5 }], /dept/],
  [{ depth: [{ share: 1, width: 0.5 }] }, /width/],
] as const)("%j is refused", (stages, message) => {
  expect(() => stagesOf(stages as never, 10)).toThrow(message);
});

test.each([
  [[0.3, 0.54, 0.77], 72.2],
  [[0.58, 0.72, 0.86], 83.2],
  [[0.2, 0.4, 0.66], 65.2],
])("the published costs %j make the published totals", (costs, total) => {
  const stages = [...costs.map((cost) => ({ share: 0.2, cost })), { share: 0.4, cost: 1 }];
  expect(100 * scheduleCost(stages)).toBeCloseTo(total, 6);
});

test.each([0.05, 0.2, 0.348, 0.5, 0.65, 0.72])("planned stages save %f", (targetSaving) => {
  const costs = [0.2, 0.4, 0.66];
  const stages = planStages({ targetSaving, costs }) as readonly (Stage & { share: number })[];
  const cost = (depth?: number): number => (depth === undefined ? 1 : costs[[0.25, 0.5, 0.75].indexOf(depth)]!);
  const shares = stages.map(({ share, depth }) => ({ share, cost: cost(depth) }));
  expect(1 - scheduleCost(shares)).toBeCloseTo(targetSaving, 6);
  expect(stages.at(-1)!.share).toBeGreaterThanOrEqual(0.1 - 1e-9);
  expect(stagesOf(stages, 1000).at(-1)!.to).toBe(1000);
});

test("more than can be saved, and costs that do not rise, are refused", () => {
  expect(() => planStages({ targetSaving: 0.8, costs: [0.2, 0.4, 0.66] })).toThrow(/saves at most 0.720/);
  expect(() => planStages({ targetSaving: 0.1, costs: [0.4, 0.2, 0.66] })).toThrow(/rise/);
  expect(() => planStages({ targetSaving: 0.1, costs: [0.4] })).toThrow(/1 numbers for 3 parts/);
  expect(() => scheduleCost([{ share: 0.5, cost: 1 }])).toThrow(/sum to 1/);
});

test("a stage is flat when it gains too little for its operations", () => {
  const rule = growWhenFlat({ patience: 2, factor: 0.2 });
  const points = (losses: readonly number[]) =>
    losses.map((loss, i) => ({ step: i, flops: i * 10, metrics: { loss } }));
  expect(rule(points([1]))).toBe(false);
  expect(rule(points([1, 0.5, 0.2]))).toBe(false);
  expect(rule(points([1, 0.5, 0.45, 0.2]))).toBe(false);
  expect(rule(points([1, 0.5, 0.45, 0.44]))).toBe(true);
  expect(rule(points([1, 1.1, 1.2]))).toBe(true);
  expect(rule(points([Number.NaN, 1, Number.NaN]))).toBe(false);
  expect(rule(points([1, Number.NaN, Number.POSITIVE_INFINITY]))).toBe(true);
  expect(rule(points([Number.NaN, Number.NaN]))).toBe(true);
  expect(rule(points([Number.NaN, 1, 0.5, 0.2]))).toBe(false);
  expect(() => rule([{ step: 1, flops: 1, metrics: { accuracy: 1 } }])).toThrow(/has no "loss"/);
});
