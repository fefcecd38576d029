import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { drawDistinct } from "./draw.ts";

test.each([
  [0, 10],
  [1, 1],
  [3, 7],
  [50, 100],
  [99, 100],
  [100, 100],
  [1000, 10 ** 10],
])("%i of %i are different, ascending and in range", (count, total) => {
  const drawn = [...drawDistinct(count, total, random(1))];
  expect(drawn).toHaveLength(count);
  expect(
    drawn.every((value, i) => Number.isInteger(value) && value >= 0 && value < total && value > (drawn[i - 1] ?? -1)),
  ).toBe(true);
});

test("the same randomness draws the same, and other randomness other numbers", () => {
  expect(drawDistinct(100, 10 ** 6, random(1))).toEqual(drawDistinct(100, 10 ** 6, random(1)));
  expect(drawDistinct(100, 10 ** 6, random(1))).not.toEqual(drawDistinct(100, 10 ** 6, random(2)));
});

test("draws are pinned, so that recipes in files keep their meaning", () => {
  expect([...drawDistinct(5, 1000, random(7))]).toMatchInlineSnapshot(`
    [
      47,
      352,
      812,
      887,
      983,
    ]
  `);
  expect([...drawDistinct(3, 10 ** 10, random(7))]).toMatchInlineSnapshot(`
    [
      440313067,
      3686667851,
      8388078654,
    ]
  `);
  expect([...drawDistinct(5, 8, random(7))]).toMatchInlineSnapshot(`
    [
      0,
      3,
      5,
      6,
      7,
    ]
  `);
});

// Pearson's statistic of `cells` cells, each of which an experiment hits with probability p in each of `trials` trials. The
// hits of one trial exclude each other, so that it is at most as large as with independent ones. For k degrees of freedom
// P(X > k + 2√(k t) + 2 t) < exp(−t) (Laurent and Massart 2000, lemma 1): t = 14 gives 8.3e-7.
const limit = (degrees: number): number => degrees + 2 * Math.sqrt(degrees * 14) + 2 * 14;

test.each([
  [3, 20],
  [15, 20],
  [10, 20],
])("every one of %i of %i is drawn equally often", (count, total) => {
  const trials = 4000;
  const hits = new Float64Array(total);
  for (let seed = 0; seed < trials; seed++) for (const at of drawDistinct(count, total, random(seed))) hits[at]!++;
  const share = count / total;
  const variance = trials * share * (1 - share);
  // The hits have covariance −variance / (total − 1), so that the scaled sum has total − 1 degrees of freedom.
  const statistic = hits.reduce((sum, hit) => sum + (hit - trials * share) ** 2, 0) / variance;
  expect(statistic * ((total - 1) / total)).toBeLessThan(limit(total - 1));
});

test("every pair of 2 of 7 is drawn equally often", () => {
  const trials = 8400;
  const hits = new Map<string, number>();
  for (let seed = 0; seed < trials; seed++) {
    const pair = drawDistinct(2, 7, random(seed)).join();
    hits.set(pair, (hits.get(pair) ?? 0) + 1);
  }
  const expected = trials / 21;
  expect(hits.size).toBe(21);
  const statistic = [...hits.values()].reduce((sum, hit) => sum + (hit - expected) ** 2 / expected, 0);
  expect(statistic).toBeLessThan(limit(20));
});

test("positions above 2^32 are uniform over 16 parts", () => {
  const [total, count] = [10 ** 10, 20_000];
  const hits = new Float64Array(16);
  for (const at of drawDistinct(count, total, random(3))) hits[Math.floor((at / total) * 16)]!++;
  const statistic = hits.reduce((sum, hit) => sum + (hit - count / 16) ** 2 / (count / 16), 0);
  expect(statistic).toBeLessThan(limit(15));
});

test("choices of different seeds overlap as the hypergeometric distribution says", () => {
  const [count, total, pairs] = [200, 2000, 300];
  let overlap = 0;
  for (let seed = 0; seed < pairs; seed++) {
    const first = new Set(drawDistinct(count, total, random(2 * seed)));
    overlap += drawDistinct(count, total, random(2 * seed + 1)).filter((at) => first.has(at)).length;
  }
  const mean = count * (count / total);
  const variance = mean * (1 - count / total) * ((total - count) / (total - 1));
  // A mean of 300 nearly normal numbers: five deviations are left with a probability of 5.7e-7.
  expect(Math.abs(overlap / pairs - mean)).toBeLessThan(5 * Math.sqrt(variance / pairs));
});
