import { expect, test } from "vitest";
import { fitLogisticRegression, scoreRows } from "./logistic-regression.ts";
import { multiply, multiplyTransposed, sparseRows } from "./sparse.ts";

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

test("with no features the bias is the log-odds of the classes", () => {
  const rows = sparseRows([[], [], [], []], 0);
  const model = fitLogisticRegression(rows, Float64Array.of(1, 0, 0, 0), 1);
  expect(model.bias).toBeCloseTo(Math.log(1 / 3), 6);
});

test("two opposite points: the weight solves penalty · w = sigmoid(−w)", () => {
  const rows = sparseRows([[[0, 1]], [[0, -1]]], 1);
  const { weights, bias } = fitLogisticRegression(rows, Float64Array.of(1, 0), 0.1);
  expect(bias).toBeCloseTo(0, 6);
  expect(0.1 * weights[0]!).toBeCloseTo(sigmoid(-weights[0]!), 6);
});

test("at the solution the gradient is zero, on overlapping classes", () => {
  const points = [
    [0.9, 0.1],
    [0.8, -0.4],
    [0.1, 0.7],
    [-0.5, 0.3],
    [0.2, 0.2],
    [-0.9, 0.8],
  ] as const;
  const rows = sparseRows(
    points.map(([x, y]) => [
      [0, x],
      [1, y],
    ]),
    2,
  );
  const targets = Float64Array.of(1, 0, 0, 1, 1, 0);
  const penalty = 0.01;
  const model = fitLogisticRegression(rows, targets, penalty);
  const errors = scoreRows(model, rows).map((score, i) => (sigmoid(score) - targets[i]!) / 6);
  const gradient = multiplyTransposed(rows, errors).map((value, i) => value + penalty * model.weights[i]!);
  expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-7);
  expect(Math.abs(errors.reduce((sum, value) => sum + value, 0))).toBeLessThan(1e-7);
});

test("separable classes converge, because the penalty bounds the weights", () => {
  const rows = sparseRows([[[0, 1]], [[1, 1]]], 2);
  const { weights } = fitLogisticRegression(rows, Float64Array.of(1, 0), 1e-6);
  expect(weights.every(Number.isFinite)).toBe(true);
  expect(weights[0]!).toBeGreaterThan(5);
  expect(weights[1]!).toBeCloseTo(-weights[0]!, 4);
});

test("sparse products equal the dense ones", () => {
  const rows = sparseRows(
    [
      [
        [0, 2],
        [2, -1],
      ],
      [],
      [[1, 3]],
    ],
    3,
  );
  expect([...multiply(rows, Float64Array.of(1, 10, 100), 0.5)]).toEqual([-97.5, 0.5, 30.5]);
  expect([...multiplyTransposed(rows, Float64Array.of(1, 7, 2))]).toEqual([2, 6, -1]);
});
