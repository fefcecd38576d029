import { expect, test } from "vitest";
import { measureInterval, quantileOfT } from "./interval.ts";
import { uniforms } from "./random.ts";

/** Two-sided values of Student's t as printed in tables, to their last digit. */
test.each([
  [1, 0.95, 12.706],
  [2, 0.95, 4.303],
  [4, 0.95, 2.776],
  [9, 0.95, 2.262],
  [30, 0.95, 2.042],
  [4, 0.99, 4.604],
  [4, 0.9, 2.132],
  [10_000, 0.95, 1.96],
])("with %d degrees of freedom t lies within ±t(%d) as the tables say", (degrees, level, expected) => {
  expect(quantileOfT(level, degrees)).toBeCloseTo(expected, 3);
});

test("with one degree of freedom t is Cauchy's tangent", () => {
  // The quantile is tan(π·level/2); 14 digits of the incomplete beta function leave about 12.
  for (const level of [0.5, 0.8, 0.95, 0.999]) {
    expect(quantileOfT(level, 1) / Math.tan((Math.PI * level) / 2)).toBeCloseTo(1, 10);
  }
});

test("a t interval is the mean and t standard errors on each side", () => {
  // Values 1 to 5: deviation √2.5, standard error √0.5, t 2.776445.
  const { mean, low, high } = measureInterval([1, 2, 3, 4, 5]);
  expect(mean).toBe(3);
  expect(low).toBeCloseTo(3 - 2.776445105 * Math.SQRT1_2, 8);
  expect(high).toBeCloseTo(3 + 2.776445105 * Math.SQRT1_2, 8);
});

test("one value has a mean and no interval", () => {
  expect(measureInterval([7])).toEqual({ mean: 7 });
});

test("equal values have an interval without width", () => {
  expect(measureInterval([2, 2, 2])).toEqual({ mean: 2, low: 2, high: 2 });
  expect(measureInterval([2, 2, 2], "bootstrap")).toEqual({ mean: 2, low: 2, high: 2 });
});

test("the bootstrap's interval lies within the values, is the same each time, and is near t's for many values", () => {
  const next = uniforms(3);
  const values = Array.from({ length: 200 }, next);
  const drawn = measureInterval(values, "bootstrap");
  expect(measureInterval(values, "bootstrap")).toEqual(drawn);
  const t = measureInterval(values);
  // Both estimate the same ends; 10,000 resamples place a percentile to about 3 % of the standard error, which is 0.02.
  expect(Math.abs(drawn.low! - t.low!)).toBeLessThan(0.005);
  expect(Math.abs(drawn.high! - t.high!)).toBeLessThan(0.005);
});

test("95 % t intervals hold the mean of normal values in 95 % of cases", () => {
  // 4,000 intervals: the share is binomial with deviation 0.0034; five deviations fail once in two million seeds.
  const next = uniforms(4);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  let held = 0;
  for (let i = 0; i < 4000; i++) {
    const { low, high } = measureInterval(Array.from({ length: 5 }, normal));
    if (low! <= 0 && high! >= 0) held += 1;
  }
  expect(Math.abs(held / 4000 - 0.95)).toBeLessThan(5 * 0.0034);
});
