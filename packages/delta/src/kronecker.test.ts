import { random } from "@cambium/core";
import {
  addN,
  matMul,
  reshape,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor2d,
  tidy,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { applyKronecker, applyPhm, divideWidth, kronecker } from "./kronecker.ts";

test("blocks of a Kronecker product are the second matrix times the entries of the first", () =>
  tidy(() => {
    const second = tensor2d([
      [0, 5],
      [6, 7],
      [8, 9],
    ]);
    expect(kronecker(tensor2d([[1, 2]]), second).arraySync()).toEqual([
      [0, 5, 0, 10],
      [6, 7, 12, 14],
      [8, 9, 16, 18],
    ]);
  }));

// As PEFT 0.21.2 divides.
test.each([
  [128, -1, [8, 16]],
  [250, -1, [10, 25]],
  [360, -1, [18, 20]],
  [512, -1, [16, 32]],
  [1024, -1, [32, 32]],
  [127, -1, [1, 127]],
  [128, 4, [4, 32]],
  [250, 4, [2, 125]],
  [360, 7, [6, 60]],
  [12, 6, [6, 2]],
])("%i with a factor of %i becomes %j", (width, factor, expected) => {
  expect(divideWidth(width, factor)).toEqual(expected);
});

test("a Kronecker product is applied as the matrix that it is, its second factor whole or a product", () =>
  tidy(() => {
    const draw = (label: string, shape: number[]) => random(1).at(label).normal(shape) as Tensor2D;
    const x = draw("x", [10, 6]);
    const [a, left, right] = [draw("a", [4, 2]), draw("left", [7, 1]), draw("right", [1, 3])] as const;
    const b: Tensor2D = matMul(left, right);
    const pieces: Tensor = reshape(x, [2, 5, 6]);
    const expected = reshape(matMul(x, kronecker(a, b), false, true), [2, 5, 28]);
    expect(applyKronecker(pieces, a, [b])).toBeAllClose(expected);
    expect(applyKronecker(pieces, a, [left, right])).toBeAllClose(expected);
  }));

test("sums of Kronecker products are applied as the matrix that they are", () =>
  tidy(() => {
    const [n, k, m] = [3, 4, 2];
    const draw = (label: string, shape: number[]) => random(1).at(label).normal(shape);
    const [rule, left, right] = [draw("a", [n, n, n]), draw("s", [n, k, 1]), draw("t", [n, 1, m])] as Tensor3D[];
    const each = (tensor: Tensor3D, i: number) =>
      reshape(slice(tensor, [i, 0, 0], [1, -1, -1]), tensor.shape.slice(1) as [number, number]) as Tensor2D;
    const whole = addN(
      [0, 1, 2].map((i) => kronecker(each(rule!, i), matMul(each(left!, i), each(right!, i)) as Tensor2D)),
    ) as Tensor2D;
    const x = draw("x", [5, n * k]) as Tensor2D;
    expect(applyPhm(x, rule!, left!, right!)).toBeAllClose(matMul(x, whole), { absolute: 1e-5, relative: 1e-5 });
  }));
