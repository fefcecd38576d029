import { expect, test } from "vitest";
import { constant, cosine, linear, rateAt, sequence } from "./schedules.ts";

const rates = (schedule: (step: number) => number, steps: number): number[] =>
  Array.from({ length: steps }, (_, i) => schedule(i + 1));

test("constant is the same at every step", () => {
  expect(rates(constant(0.5), 3)).toEqual([0.5, 0.5, 0.5]);
});

test("a warm-up climbs in equal steps to the peak at its last step", () => {
  expect(rates(constant(1, { warmUp: 4 }), 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
});

test("linear reaches its end one step after the last", () => {
  expect(rates(linear(1, { steps: 4 }), 6)).toEqual([1, 0.75, 0.5, 0.25, 0, 0]);
  expect(rates(linear(1, { warmUp: 2, steps: 4, end: 0.25 }), 5)).toBeAllClose([0.5, 1, 0.75, 0.5, 0.25]);
});

test("cosine is half-way down in the middle and level at both ends", () => {
  const schedule = cosine(1, { warmUp: 1, steps: 100, end: 0.5 });
  expect(schedule(1)).toBe(1);
  expect(schedule(51)).toBeCloseTo(0.75, 12);
  expect(schedule(101)).toBe(0.5);
  expect(1 - schedule(2)).toBeLessThan(2e-4); // 1 - cos(pi/100), times a quarter
});

test("cosine follows its formula", () => {
  const schedule = cosine(2, { warmUp: 10, steps: 59 });
  for (const step of [10, 20, 40, 59]) {
    expect(schedule(step)).toBeCloseTo(1 + Math.cos((Math.PI * (step - 10)) / 50), 12);
  }
});

test("a warm-up longer than the run is refused", () => {
  expect(() => linear(1, { warmUp: 5, steps: 4 })).toThrow("linear: a warm-up of 5 steps does not fit into 4");
});

test("a mistyped option names the nearest", () => {
  expect(() => cosine(1, { steps: 5, warmup: 2 } as never)).toThrow('"warmUp"');
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("a rate of %d is refused", (rate) => {
  expect(() => rateAt("sgd", () => rate, 3)).toThrow("at step 3");
});

test("a schedule that falls says for how many steps it is meant, one that stays does not", () => {
  expect([linear(1, { steps: 7 }).steps, cosine(1, { steps: 9, end: 0.1 }).steps]).toEqual([7, 9]);
  expect(constant(1, { warmUp: 3 }).steps).toBeUndefined();
});

test("a sequence counts the steps of each of its schedules from 1", () => {
  const first = linear(1, { steps: 4 });
  const whole = sequence(first, first, constant(0.5, { warmUp: 2 }));
  expect(rates(whole, 11)).toEqual([1, 0.75, 0.5, 0.25, 1, 0.75, 0.5, 0.25, 0.25, 0.5, 0.5]);
  expect(whole.steps).toBeUndefined();
  expect(sequence(first, cosine(1, { steps: 3 })).steps).toBe(7);
});

test("a schedule without an end is refused before others", () => {
  expect(() => sequence(linear(1, { steps: 2 }), constant(1), constant(2))).toThrow("sequence: schedule 1 has no end");
  expect(() => sequence()).toThrow("at least one");
});
