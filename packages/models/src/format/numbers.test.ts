import * as fc from "fast-check";
import { expect, test } from "vitest";
import { accepts } from "./accepts.ts";
import { anyNumber, type Bounds, numbersWithin } from "./numbers.ts";

const isWithin = ({ low = -Infinity, high = Infinity, isLowOpen, isHighOpen }: Bounds, value: number): boolean =>
  (isLowOpen ? value > low : value >= low) && (isHighOpen ? value < high : value <= high);

const seeded = { seed: 7, numRuns: 300 } as const;

test("whole numbers are those within the bounds", () => {
  const bound = fc.option(fc.integer({ min: -130, max: 130 }), { nil: undefined });
  fc.assert(
    fc.property(bound, bound, fc.boolean(), fc.boolean(), (low, high, isLowOpen, isHighOpen) => {
      const bounds = {
        low,
        high,
        isLowOpen: isLowOpen && low !== undefined,
        isHighOpen: isHighOpen && high !== undefined,
      };
      const expression = numbersWithin(bounds, true);
      const fits = expression === undefined ? () => false : accepts(expression);
      for (let value = -140; value <= 140; value++)
        expect([value, fits(String(value))]).toEqual([value, isWithin(bounds, value)]);
      for (const text of ["-0", "00", "01", "-01", "+1", "1.0", "1e1", "", "-"])
        expect([text, fits(text)]).toEqual([text, false]);
    }),
    { ...seeded, numRuns: 60 },
  );
});

test("numbers are those within the bounds, at every length of their digits", () => {
  const decimal = fc
    .tuple(fc.integer({ min: -2000, max: 2000 }), fc.integer({ min: 0, max: 4 }))
    .map(([digits, places]) => digits / 10 ** places);
  const bound = fc.option(decimal, { nil: undefined });
  fc.assert(
    fc.property(
      bound,
      bound,
      fc.boolean(),
      fc.boolean(),
      fc.array(decimal, { minLength: 40, maxLength: 40 }),
      (low, high, isLowOpen, isHighOpen, values) => {
        const bounds = {
          low,
          high,
          isLowOpen: isLowOpen && low !== undefined,
          isHighOpen: isHighOpen && high !== undefined,
        };
        const expression = numbersWithin(bounds, false);
        const fits = expression === undefined ? () => false : accepts(expression);
        const near = [low, high].flatMap((each) =>
          each === undefined ? [] : [each, each + 0.001, each - 0.001, each * 2],
        );
        for (const value of [...values, ...near]) {
          const text = String(value);
          if (text.includes("e") || Object.is(value, -0)) continue;
          if (text.replace(/\D/g, "").length > 12) continue; // longer than what is written
          expect([bounds, text, fits(text)]).toEqual([bounds, text, isWithin(bounds, value)]);
          const padded = text.includes(".") ? `${text}00` : `${text}.0`;
          expect([bounds, padded, fits(padded)]).toEqual([bounds, padded, isWithin(bounds, value)]);
        }
      },
    ),
    seeded,
  );
});

test.each([
  [0.1, true, "0.1", false],
  [0.1, true, "0.10000", false],
  [0.1, true, "0.09999999999999", true],
  [0.1, false, "0.1", true],
  [1e-7, false, "0.0000001", true],
  [1e-7, true, "0.0000001", false],
  [250, false, "250.0", true],
  [250, false, "250.01", false],
])("below %d (without itself: %s), %s is within: %s", (high, isHighOpen, text, isWithinIt) => {
  expect(accepts(numbersWithin({ low: 0, high, isHighOpen }, false)!)(text)).toBe(isWithinIt);
});

test("where there is no number within bounds, there is no expression", () => {
  expect(numbersWithin({ low: 1, high: 0 }, false)).toBeUndefined();
  expect(numbersWithin({ low: 1, high: 1, isLowOpen: true }, false)).toBeUndefined();
  expect(numbersWithin({ low: 0.2, high: 0.8 }, true)).toBeUndefined();
});

test("any number is JSON's, and finite", () => {
  const fits = accepts(anyNumber);
  for (const text of ["0", "-0", "10", "-1.5", "0.25", "1e5", "1E-7", "123456789012345.5e99"]) {
    expect([text, fits(text), Number.isFinite(JSON.parse(text))]).toEqual([text, true, true]);
  }
  for (const text of ["", "-", "01", ".5", "1.", "1e", "1e999", "+1", "NaN"])
    expect([text, fits(text)]).toEqual([text, false]);
});
