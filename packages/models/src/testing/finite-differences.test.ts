import type { Parameters } from "@cambium/core";
import { customGrad, mul, type Scalar, square, sum, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { checkDerivatives } from "./finite-differences.ts";

const at: Parameters = new Map([
  ["a", tensor1d([0.5, -1])],
  ["b", tensor1d([2])],
]);

test("a right gradient agrees with its differences in every tensor", () => {
  const checks = checkDerivatives((q) => tidy(() => sum(mul(square(q.get("a")!), q.get("b")!)) as Scalar), at);
  expect(checks.map(({ name }) => name)).toEqual(["a", "b"]);
  for (const { derivative, difference } of checks) expect(difference).toBeAllClose(derivative, { relative: 1e-3 });
});

test("a gradient that is wrong in one tensor is told", () => {
  // The square of x, with the gradient 3x.
  const wrongSquare = customGrad((x, save) => {
    (save as (tensors: Tensor[]) => void)([x as Tensor]);
    return { value: square(x as Tensor), gradFunc: (dy, saved) => mul(dy as Tensor, mul(saved[0]!, 3)) };
  });
  const checks = checkDerivatives((q) => tidy(() => sum(mul(wrongSquare(q.get("a")!), q.get("b")!)) as Scalar), at);
  const ratios = checks.map(({ derivative, difference }) => derivative / difference);
  expect(ratios).toBeAllClose([1.5, 1], { relative: 1e-2 });
});
