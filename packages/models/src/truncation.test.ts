import * as fc from "fast-check";
import { expect, test } from "vitest";
import { truncatePair } from "./truncation.ts";

test.each([
  [5, 3, 10, [5, 3]],
  [9, 2, 8, [6, 2]],
  [2, 9, 8, [2, 6]],
  [9, 9, 8, [4, 4]],
  [9, 9, 7, [3, 4]],
  [9, 8, 7, [4, 3]],
  [9, 0, 5, [5, 0]],
])("%i and %i tokens in room for %i keep %j", (first, second, room, expected) => {
  expect(truncatePair(first, second, room)).toEqual(expected);
});

test("the room is used up, nothing grows, and the longer text stays the longer one", () => {
  const length = fc.integer({ min: 0, max: 60 });
  fc.assert(
    fc.property(length, length, fc.integer({ min: 1, max: 80 }), (first, second, room) => {
      const [a, b] = truncatePair(first, second, room);
      expect(a + b).toBe(Math.min(first + second, room));
      expect(a).toBeLessThanOrEqual(first);
      expect(b).toBeLessThanOrEqual(second);
      expect(Math.sign(first - second) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
    }),
  );
});
