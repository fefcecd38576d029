import fc from "fast-check";
import { expect, test } from "vitest";
import { waitBefore } from "./retry.ts";

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a retry never comes before the time the provider asks for, and little after", () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 50 }), chance, (asked, attempt, drawn) => {
      const wait = waitBefore(asked, attempt, () => drawn);
      expect(wait).toBeGreaterThanOrEqual(asked);
      expect(wait).toBeLessThanOrEqual(1.1 * asked);
    }),
    { seed: 4 },
  );
});

test("without such a time the longest wait doubles from half a second to half a minute", () => {
  const longest = [1, 2, 3, 6, 7, 30].map((attempt) => waitBefore(undefined, attempt, () => 1));
  expect(longest).toEqual([500, 1000, 2000, 16_000, 30_000, 30_000]);
  expect(waitBefore(undefined, 9, () => 0)).toBe(0);
});
