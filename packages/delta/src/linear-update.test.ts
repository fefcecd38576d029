import { random } from "@cambium/core";
import { mul, ones, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { keptRows, type UpdateDropout } from "./linear-update.ts";

/** What 64 rows are multiplied by. */
const rowsAfter = (dropout: UpdateDropout, seed: number, isScaled: boolean): number[] =>
  tidy(() => [...mul(ones([64]), keptRows(64, dropout, random(seed), isScaled) ?? 1).dataSync()]);

test.each([
  [true, 2],
  [false, 1],
])("whole rows are dropped, and scaled for it: %j", (isScaled, kept) => {
  const rows = rowsAfter({ rankDropout: 0.5, moduleDropout: 0 }, 1, isScaled);
  expect(new Set(rows)).toEqual(new Set([0, kept]));
});

// None or all of 40 draws at one half: below 1e-11.
test("a layer has its whole update or none of it", () => {
  const draws = Array.from(
    { length: 40 },
    (_, seed) => new Set(rowsAfter({ rankDropout: 0, moduleDropout: 0.5 }, seed, true)),
  );
  expect(draws.every((values) => values.size === 1)).toBe(true);
  expect(new Set(draws.flatMap((values) => [...values]))).toEqual(new Set([0, 1]));
});

test("without dropout an update is itself", () => {
  expect(new Set(rowsAfter({ rankDropout: 0, moduleDropout: 0 }, 1, true))).toEqual(new Set([1]));
});
