import { disposeParameters, type Objective, type Parameters, random } from "@cambium/core";
import {
  concat,
  matMul,
  mean,
  mul,
  reshape,
  type Scalar,
  softplus,
  sub,
  type Tensor,
  tensor1d,
  tensor2d,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { bowl, type NumberBatch, numbers, point } from "../quadratic.fixture.ts";
import { measureHessian } from "./hessian.ts";
import { eigenOfSymmetric } from "./tridiagonal.ts";

const free = (...trees: readonly Parameters[]): void => {
  for (const tree of trees) disposeParameters(tree);
};

test("of a bowl it finds the top of the spectrum, the bottom and the trace", async () => {
  const at = point([0.3, -0.2, 0.1, 0.4], 0.2);
  const objective = bowl([7, 3, 1, -0.5], [0, 0, 0, 0], at); // and 2 of the scalar
  const found = await measureHessian(objective, numbers([[1], [2, 3]]), { count: 3, traceSamples: 2, vectors: true });
  // Differences of float32 gradients of size 3 over steps of 3e-3 carry 1e-4.
  expect(found.top).toBeAllClose([7, 3, 2], { absolute: 2e-3 });
  expect(found.bottom).toBeCloseTo(-0.5, 2);
  expect(found.ratio).toBeCloseTo(0.5 / 7, 2);
  expect(found.converged).toBe(true);
  expect(found.iterations).toBeLessThanOrEqual(5);
  expect(found.trace!.value).toBeCloseTo(12.5, 2); // exact for a diagonal matrix, whatever the signs
  expect(Math.abs(found.vectors![0]![0]!)).toBeCloseTo(1, 3);
  expect(found.gradientNorm).toBeCloseTo(Math.hypot(2.1, -0.6, 0.1, -0.2, 0.4), 4);
  free(at);
});

/** Logistic regression of 3 weights and a bias on fixed rows: its Hessian is `mean p (1 − p) x xᵀ`. */
const X = [
  [1, 2, -1],
  [0.5, -1, 2],
  [-2, 1, 0.3],
  [1.5, 0.2, 1],
  [-0.7, -1.1, 0.4],
];
const Y = [1, 0, 1, 0, 1];
const WEIGHTS = [0.4, -0.3, 0.8, 0.1];

function logistic(): Objective<NumberBatch> {
  return {
    parameters: new Map<string, Tensor>([
      ["w", tensor2d([WEIGHTS[0]!, WEIGHTS[1]!, WEIGHTS[2]!], [3, 1])],
      ["b", tensor1d([WEIGHTS[3]!])],
    ]),
    loss(parameters) {
      const rows = concat([tensor2d(X), tensor2d(X.map(() => [1]))], 1);
      const all = concat([parameters.get("w")!, reshape(parameters.get("b")!, [1, 1])], 0);
      const scores = reshape(matMul(rows, all as never), [-1]);
      return mean(sub(softplus(scores), mul(scores, tensor1d(Y)))) as Scalar;
    },
  };
}

test("on a small model it agrees with the dense Hessian, all eigenvalues of it", async () => {
  const objective = logistic();
  const rows = X.map((row) => [...row, 1]);
  const dense = Array.from({ length: 4 }, (_, i) =>
    Array.from({ length: 4 }, (__, j) => {
      const terms = rows.map((row) => {
        const p = 1 / (1 + Math.exp(-row.reduce((sum, x, k) => sum + x * WEIGHTS[k]!, 0)));
        return p * (1 - p) * row[i]! * row[j]!;
      });
      return terms.reduce((sum, term) => sum + term, 0) / rows.length;
    }),
  );
  const exact = eigenOfSymmetric(dense).map(({ value }) => value);
  const found = await measureHessian(objective, numbers([[0]]), { count: 4, traceSamples: 40, random: random(1) });
  expect(found.top).toBeAllClose(exact, { absolute: 1e-3 });
  const trace = exact.reduce((sum, value) => sum + value, 0);
  expect(Math.abs(found.trace!.value - trace)).toBeLessThan(6 * found.trace!.standardError + 1e-3);
  free(objective.parameters);
});

test("eigenvalues of a small symmetric matrix are exact, and vectors belong to them", () => {
  const matrix = [
    [2, -1, 0],
    [-1, 2, -1],
    [0, -1, 2],
  ];
  const pairs = eigenOfSymmetric(matrix);
  expect(pairs.map(({ value }) => value)).toBeAllClose([2 + Math.SQRT2, 2, 2 - Math.SQRT2], { absolute: 1e-12 });
  for (const { value, vector } of pairs)
    for (const [i, row] of matrix.entries())
      expect(row.reduce((sum, each, j) => sum + each * vector[j]!, 0)).toBeCloseTo(value * vector[i]!, 10);
});

test("options out of range and points that are not finite are errors", async () => {
  const at = point([0.3, 0.1], 0.2);
  const objective = bowl([1, 1], [0, 0], at);
  const data = numbers([[1]]);
  await expect(measureHessian(objective, data, { count: 0 })).rejects.toThrow("count must be an integer from 1, got 0");
  await expect(measureHessian(objective, data, { count: 9, iterations: 3 })).rejects.toThrow("9 eigenvalues need");
  await expect(measureHessian(objective, data, { itrations: 3 } as never)).rejects.toThrow('"iterations" meant');
  const nowhere = point([Number.NaN, 0], 0);
  await expect(measureHessian(objective, data, { point: nowhere })).rejects.toThrow("not finite");
  free(at, nowhere);
});
