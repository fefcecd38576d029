import fc from "fast-check";
import { expect, test } from "vitest";
import { fitPolynomial, fixed, fixedValue, minus, type Polynomial, textOf, valueAt } from "./polynomial.ts";
import { longSizes, smallSizes } from "./sizes.ts";

const dynamic = { batch: {}, past: {}, seq: { longest: 512 } };
const sizes = [...smallSizes(dynamic), ...longSizes(dynamic).map(([longest]) => longest)];

const coefficient = fc.integer({ min: -400, max: 400 }).filter((value) => value !== 0);
const factors = fc
  .array(fc.constantFrom("batch", "past", "seq"), { minLength: 1, maxLength: 2 })
  .map((names) => names.sort());
const polynomial = fc
  .tuple(
    fc.uniqueArray(fc.record({ coefficient, factors }), {
      minLength: 1,
      maxLength: 2,
      selector: (term) => String(term.factors),
    }),
    fc.integer({ min: -50, max: 50 }),
  )
  .map(([terms, rest]): Polynomial => [...terms, ...fixed(rest)]);

test("a sum of products is found from its values at the sizes that are traced", () => {
  fc.assert(
    fc.property(polynomial, (expected) => {
      const found = fitPolynomial(
        sizes.map((each) => valueAt(expected, each)),
        sizes,
      );
      expect(found).toBeDefined();
      const elsewhere = { batch: 101, past: 0, seq: 1 };
      expect(valueAt(found!, elsewhere)).toBe(valueAt(expected, elsewhere));
    }),
    { seed: 3, numRuns: 200 },
  );
});

test.each<[string, (sizes: Record<string, number>) => number]>([
  ["a half", ({ seq }) => seq! / 2],
  ["a power of two", ({ batch }) => 2 ** batch!],
  ["the larger of two", ({ batch, seq }) => Math.max(batch!, seq!)],
  ["a rounded quotient", ({ seq }) => Math.floor(seq! / 4)],
])("%s is no sum of products", (_, of) => {
  expect(fitPolynomial(sizes.map(of), sizes)).toBeUndefined();
});

test("a number that is the same at every size is that number", () => {
  expect(fixedValue(fitPolynomial([7, 7, 7], sizes.slice(0, 3))!)).toBe(7);
  expect(fixedValue([])).toBe(0);
});

test("differences cancel, and texts name what is left", () => {
  const keys: Polynomial = [
    { coefficient: 1, factors: ["past"] },
    { coefficient: 1, factors: ["seq"] },
  ];
  expect(textOf(keys)).toBe("past + seq");
  expect(textOf(minus(keys, [{ coefficient: 1, factors: ["seq"] }]))).toBe("past");
  expect(textOf(minus(keys, keys))).toBe("0");
  expect(textOf([{ coefficient: 3, factors: ["batch", "seq"] }])).toBe("3 * batch * seq");
});
