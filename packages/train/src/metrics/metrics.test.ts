import { random } from "@cambium/core";
import { describe, expect, test } from "vitest";
import { accuracy, f1, matthews } from "./classification.ts";
import { pearson, rank, spearman } from "./correlation.ts";
import { perplexity } from "./perplexity.ts";

describe("classification", () => {
  // Confusion by hand: class 1 has 3 hits, 1 missed (row 4) and 2 false alarms (rows 5, 6); class 0 has 2 hits.
  const predicted = [1, 1, 1, 0, 1, 1, 0, 0];
  const actual = [1, 1, 1, 1, 0, 0, 0, 0];

  test("accuracy is the share of hits", () => {
    expect(accuracy(predicted, actual)).toBe(5 / 8);
    expect(accuracy(["ham"], ["spam"])).toBe(0);
  });

  test("binary F1 is the harmonic mean of precision 3/5 and recall 3/4", () => {
    expect(f1(predicted, actual)).toBeCloseTo(2 / (5 / 3 + 4 / 3), 12);
  });

  test("binary F1 of the other class", () => {
    expect(f1(predicted, actual, { positive: 0 })).toBeCloseTo(2 / (3 / 2 + 4 / 2), 12);
  });

  test("macro F1 is the mean over the classes that occur, a class only predicted included", () => {
    // a: 1 hit, 2 predicted, 1 actual: 2/3. b: 1 hit, 1 predicted, 3 actual: 2/4. c: predicted once, never actual: 0.
    expect(f1(["a", "b", "a", "c"], ["a", "b", "b", "b"], { average: "macro" })).toBeCloseTo(
      (2 / 3 + 2 / 4 + 0) / 3,
      12,
    );
  });

  test("micro F1 is the accuracy", () => {
    expect(f1(predicted, actual, { average: "micro" })).toBe(accuracy(predicted, actual));
  });

  test("F1 of a class that is neither predicted nor actual is 0", () => {
    expect(f1([0, 0], [0, 0])).toBe(0);
  });

  test("binary F1 refuses a third class", () => {
    expect(() => f1([0, 1, 2], [0, 1, 2])).toThrow("besides the positive class 1 there are 0, 2");
  });

  test("Matthews of two classes is the fourfold-table formula", () => {
    const [hits, misses, alarms, rejections] = [3, 1, 2, 2];
    const expected =
      (hits * rejections - alarms * misses) /
      Math.sqrt((hits + alarms) * (hits + misses) * (rejections + alarms) * (rejections + misses));
    expect(matthews(predicted, actual)).toBeCloseTo(expected, 12);
  });

  test("Matthews of two classes is Pearson's correlation of their numbers", () => {
    expect(matthews(predicted, actual)).toBeCloseTo(pearson(predicted, actual), 12);
  });

  test("Matthews is 1 for equal lists, -1 for opposite ones, 0 for a constant guess", () => {
    expect(matthews(["a", "b", "c"], ["a", "b", "c"])).toBeCloseTo(1, 12);
    expect(matthews([0, 1, 0, 1], [1, 0, 1, 0])).toBeCloseTo(-1, 12);
    expect(matthews([1, 1, 1], [0, 1, 0])).toBe(0);
  });

  test("Matthews of three classes, by hand", () => {
    // Hits 3 of 4; predicted a 2, b 1, c 1; actual a 1, b 2, c 1: (3 * 4 - 5) / sqrt((16 - 6) (16 - 6)).
    expect(matthews(["a", "a", "b", "c"], ["a", "b", "b", "c"])).toBeCloseTo((3 * 4 - 5) / 10, 12);
  });
});

describe("correlation", () => {
  test("Pearson by hand", () => {
    // Deviations -1, 0, 1 and -1, 1, 0: product 1, squares 2 and 2.
    expect(pearson([1, 2, 3], [1, 3, 2])).toBeCloseTo(1 / 2, 12);
  });

  test("Pearson does not change under shift and scale, and turns its sign under reflection", () => {
    const a = random(1).normals(50);
    const b = random(2).normals(50);
    const r = pearson(a, b);
    expect(
      pearson(
        a.map((x) => 3 * x + 7),
        b,
      ),
    ).toBeCloseTo(r, 12);
    expect(
      pearson(
        a.map((x) => -x),
        b,
      ),
    ).toBeCloseTo(-r, 12);
  });

  test("equal values share the mean of their ranks", () => {
    expect(Array.from(rank([10, 30, 20, 30, 30]))).toEqual([1, 4, 2, 4, 4]);
  });

  test("Spearman without ties is 1 - 6 sum d^2 / (n (n^2 - 1))", () => {
    // Rank differences 0, 1, 1, 1, 1: squares sum to 4.
    expect(spearman([1, 2, 3, 4, 5], [1, 3, 2, 5, 4])).toBeCloseTo(1 - (6 * 4) / (5 * 24), 12);
  });

  test("Spearman with ties, by hand", () => {
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: product 4.5, squares 4.5 and 5.
    expect(spearman([1, 2, 2, 9], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12);
  });

  test("Spearman does not change under a rising function", () => {
    const a = random(1).normals(50);
    const b = random(2).normals(50);
    expect(spearman(a.map(Math.exp), b)).toBe(spearman(a, b));
  });

  test("a constant list has no correlation", () => {
    expect(pearson([1, 1], [1, 2])).toBeNaN();
    expect(spearman([1, 2], [3, 3])).toBeNaN();
  });
});

describe("perplexity", () => {
  test("an even guess among n has perplexity n", () => {
    expect(perplexity([Math.log(7), Math.log(7)])).toBeCloseTo(7, 12);
  });

  test("losses count by their tokens", () => {
    expect(perplexity([Math.log(2), Math.log(8)], [3, 1])).toBeCloseTo(2 ** 1.5, 12);
  });
});

test.each([
  ["accuracy", accuracy],
  ["f1", f1],
  ["matthews", matthews],
  ["pearson", pearson],
  ["spearman", spearman],
  ["perplexity", perplexity],
])("%s refuses lists of different lengths and empty ones", (name, metric) => {
  expect(() => metric([1, 2], [1])).toThrow(
    expect.objectContaining({ code: "SHAPE", message: expect.stringContaining(name) }),
  );
  expect(() => metric([], [])).toThrow("there are no values");
});
