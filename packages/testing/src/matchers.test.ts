import { tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { toBeAllClose } from "./matchers.ts";

test("tensors, nested arrays and typed arrays of equal values are close", () => {
  tidy(() => {
    const rows = [
      [1, 2],
      [3, 4],
    ];
    expect(tensor2d(rows)).toBeAllClose(rows);
    expect(rows).toBeAllClose(tensor2d(rows));
    expect(tensor2d(rows)).toBeAllClose(new Float32Array([1, 2, 3, 4]));
    expect(3).toBeAllClose(3);
  });
});

test("the tolerance is absolute plus relative times the expected value", () => {
  expect([111]).toBeAllClose([100], { absolute: 1, relative: 0.1 });
  expect([112]).not.toBeAllClose([100], { absolute: 1, relative: 0.1 });
});

test("a failure names the worst element, not the first", () => {
  const { pass, message } = toBeAllClose(
    [
      [1, 2.1],
      [3, 5],
    ],
    [
      [1, 2],
      [3, 4],
    ],
    { relative: 0, absolute: 0.01 },
  );
  expect(pass).toBe(false);
  expect(message()).toContain("2 of 4 elements");
  expect(message()).toContain("worst at [1, 1]: received 5, expected 4, difference 1.00, allowed 0.0100");
});

test("a NaN is close to nothing, an infinity only to itself", () => {
  expect([Number.NaN]).not.toBeAllClose([Number.NaN]);
  expect([0]).not.toBeAllClose([Number.NaN]);
  expect([Number.NEGATIVE_INFINITY]).toBeAllClose([Number.NEGATIVE_INFINITY]);
  expect([Number.POSITIVE_INFINITY]).not.toBeAllClose([Number.NEGATIVE_INFINITY]);
  expect([1e30]).not.toBeAllClose([Number.POSITIVE_INFINITY]);
});

test("equal values in different shapes are not close", () => {
  expect([1, 2, 3, 4]).not.toBeAllClose([
    [1, 2],
    [3, 4],
  ]);
  expect(toBeAllClose([1, 2], [[1, 2]]).message()).toBe("toBeAllClose: expected shape [1,2], received shape [2]");
  expect(new Float32Array(3)).not.toBeAllClose(new Float32Array(4));
});

test("ragged arrays are refused with the first odd element", () => {
  expect(() => toBeAllClose([[1, 2], [3]], 0)).toThrow(/element 1 has shape \[1\], element 0 has \[2\]/);
});
