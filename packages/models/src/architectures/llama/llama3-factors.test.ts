import fc from "fast-check";
import { expect, test } from "vitest";
import { llama3Factors, llama3Scaling } from "./llama3-factors.ts";

const usual = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
const stored = (factors: readonly number[]): number[] => [...Float32Array.from(factors)];

test("the factors of LLaMA 3.1 give its own settings", () => {
  const factors = llama3Factors(usual, 5e5, 128);
  expect([factors[0], factors.at(-1)]).toEqual([1, 8]);
  expect(llama3Scaling(stored(factors), 5e5, 128)).toEqual(usual);
});

test("whatever the settings were, those that are found give the same factors", () => {
  const settings = fc.record({
    factor: fc.double({ min: 1.5, max: 64, noNaN: true }),
    low: fc.double({ min: 0.3, max: 20, noNaN: true }),
    ratio: fc.double({ min: 1.05, max: 30, noNaN: true }),
    context: fc.integer({ min: 16, max: 65536 }),
    theta: fc.double({ min: 10, max: 1e6, noNaN: true }),
    dHead: fc.integer({ min: 1, max: 64 }).map((half) => 2 * half),
  });
  fc.assert(
    fc.property(settings, ({ factor, low, ratio, context, theta, dHead }) => {
      const given = {
        factor,
        low_freq_factor: low,
        high_freq_factor: low * ratio,
        original_max_position_embeddings: context,
      };
      const factors = stored(llama3Factors(given, theta, dHead));
      fc.pre(factors.some((each) => each === 1) && factors.includes(Math.fround(factor)));
      const found = llama3Scaling(factors, theta, dHead);
      expect(found).toBeDefined();
      const made = llama3Factors(found!, theta, dHead);
      for (const [i, each] of factors.entries()) expect(Math.abs(made[i]! - each)).toBeLessThanOrEqual(1e-5 * each);
    }),
    { numRuns: 500, seed: 3 },
  );
});

test.each([
  ["of another number", [1, 1, 1, 8]],
  ["that fall", [8, 4, 3, 2, 1]],
  ["on no straight line", [1, 1.1, 4, 7.9, 8]],
])("factors %s are no llama3 scaling", (_, factors) => {
  expect(llama3Scaling(factors, 100, 10)).toBeUndefined();
});
