import { expect, test } from "vitest";
import { blockSlope, exponentOf, slopeOf } from "./fit.ts";

test("points on a line have its slope", () => {
  expect(slopeOf([0, 1, 5].map((x) => [x, 3 - 2 * x]))).toBeCloseTo(-2, 12);
});

test("a power law has its exponent", () => {
  expect(exponentOf([1, 2, 8].map((x) => [x, 5 * x ** 1.3]))).toBeCloseTo(1.3, 12);
});

test("the interval of a line without noise is a point", () => {
  const { slope, low, high } = blockSlope(Array.from({ length: 100 }, (_, x) => [x, 7 + 0.5 * x]));
  expect([slope, low, high].map((value) => value.toFixed(9))).toEqual(["0.500000000", "0.500000000", "0.500000000"]);
});

test("the interval of a wave holds 0, and the slope of a line beneath the wave", () => {
  const wave = (by: number) => blockSlope(Array.from({ length: 1000 }, (_, x) => [x, 100 * Math.sin(x / 7) + by * x]));
  expect(wave(0).low).toBeLessThan(0);
  expect(wave(0).high).toBeGreaterThan(0);
  expect(wave(1).low).toBeGreaterThan(0);
  expect(wave(1).low).toBeLessThan(1);
  expect(wave(1).high).toBeGreaterThan(1);
});
