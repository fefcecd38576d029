import { expect, test } from "vitest";
import { ndcg } from "./ranking.ts";

test("the best order has 1, whatever follows what is wanted", () => {
  expect(ndcg([1, 1, 0, 0], [1, 1])).toBe(1);
  expect(ndcg([3, 2, 1], [1, 2, 3])).toBe(1);
});

test("each place counts less by the logarithm of its number", () => {
  expect(ndcg([0, 1], [1])).toBeCloseTo(1 / Math.log2(3), 12);
  expect(ndcg([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [1])).toBeCloseTo(1 / Math.log2(11), 12);
});

test("graded gains, by hand", () => {
  // (3 + 0 + 2/2 + 1/log2(5)) over (3 + 2/log2(3) + 1/2), to two digits of the logarithms' sum
  const found = 3 + 2 / 2 + 1 / Math.log2(5);
  const best = 3 + 2 / Math.log2(3) + 1 / 2;
  expect(ndcg([3, 0, 2, 1], [1, 2, 3])).toBeCloseTo(found / best, 12);
});

test("only the first places count, in the best order too", () => {
  expect(ndcg([0, 0, 1], [1], { at: 2 })).toBe(0);
  expect(ndcg([1, 1], Array<number>(30).fill(1), { at: 2 })).toBe(1);
});

test("what is not found lowers it", () => {
  expect(ndcg([1, 0, 0], [1, 1])).toBeCloseTo(1 / (1 + 1 / Math.log2(3)), 12);
});

test.each<[readonly number[], readonly number[], number | undefined, string]>([
  [[1], [], undefined, "nothing is wanted"],
  [[0], [0], undefined, "nothing is wanted"],
  [[-1], [1], undefined, "gains must be at least 0, got -1"],
  [[Number.NaN], [1], undefined, "got NaN"],
  [[1], [1], 0, "at must be a whole number from 1, got 0"],
])("ndcg(%j, %j) at %s is an error", (ranked, wanted, at, message) => {
  expect(() => ndcg(ranked, wanted, at === undefined ? {} : { at })).toThrow(message);
});
