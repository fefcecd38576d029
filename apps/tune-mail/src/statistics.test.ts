import { expect, test } from "vitest";
import { median, summarise, wilsonInterval } from "./statistics.ts";

test("mean and deviation of 2, 4, 4, 4, 5, 5, 7, 9", () => {
  const { mean, deviation } = summarise([2, 4, 4, 4, 5, 5, 7, 9]);
  expect(mean).toBe(5);
  expect(deviation).toBeCloseTo(Math.sqrt(32 / 7), 12);
});

test("one value has no spread", () => {
  expect(summarise([3])).toEqual({ mean: 3, deviation: 0 });
});

test("the median is the middle, or the mean of the two middles, in any order", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 4])).toBe(4.5);
});

test("both ends of the interval solve Wilson's equation", () => {
  for (const end of wilsonInterval(81 / 263, 263))
    expect((81 / 263 - end) ** 2).toBeCloseTo((1.959964 ** 2 * end * (1 - end)) / 263, 12);
});

test("the interval stays within 0 and 1 and is not empty at the ends", () => {
  expect(wilsonInterval(1, 10)[1]).toBeCloseTo(1, 12);
  expect(wilsonInterval(1, 10)[0]).toBeLessThan(0.8);
  expect(wilsonInterval(0, 10)[0]).toBeCloseTo(0, 12);
});
