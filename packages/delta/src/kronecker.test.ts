import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { divideWidth, kronecker } from "./kronecker.ts";

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
