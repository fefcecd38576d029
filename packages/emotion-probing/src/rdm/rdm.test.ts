import { random } from "@cambium/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareRdms } from "../compare/compare-rdms.ts";
import { methods, type Similarity } from "../compare/methods.ts";
import { meanRdm, percentileRdm, rankRdm } from "./change-rdm.ts";
import { type Metric, measureCrossnobis, measureRdm } from "./measure-rdm.ts";
import { rankFloats, ranksOf } from "./ranks.ts";
import { pairIndex, pairsOf, rdmOf, selectConditions, squareRdm } from "./rdm.ts";

const draw = (seed: number, rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, (_, i) => [...random(seed).at(i).normals(columns)]);

test("an RDM goes through JSON, unknown pairs too, and what is no number is an error", () => {
  const rdm = rdmOf(["a", "b", "c"], [1, Number.NaN, 2]);
  const { conditions, values } = JSON.parse(JSON.stringify({ ...rdm, values: [...rdm.values] }));
  expect(rdmOf(conditions, values).values).toEqual(rdm.values);
  expect(rdmOf(conditions, JSON.parse(JSON.stringify(squareRdm(rdm)))).values).toEqual(rdm.values);
  const first = rdmOf(["a", "b", "c"], [Number.NaN, 1, 2]);
  expect(rdmOf(conditions, JSON.parse(JSON.stringify([...first.values]))).values).toEqual(first.values);
  expect(() => rdmOf(["a", "b", "c"], [1, "2" as never, 3])).toThrow('pair 1 must be a number, got "2"');
  const plain = { ...rdm, values: [...rdm.values] } as never;
  expect(() => meanRdm([rdm, plain])).toThrow("the values of RDM 1 are no Float64Array");
});

test("pairs stand where the order of pairs says", () => {
  expect([...pairsOf(5)].map(([i, j]) => pairIndex(j, i, 5))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a square matrix and its pairs are the same RDM", () => {
  const rdm = rdmOf(["a", "b", "c"], [1, 2, 3]);
  expect(squareRdm(rdm)).toEqual([
    [0, 1, 2],
    [1, 0, 3],
    [2, 3, 0],
  ]);
  expect(rdmOf(["a", "b", "c"], squareRdm(rdm))).toEqual(rdm);
});

test.each<[string, readonly (readonly number[])[], string]>([
  [
    "is not symmetric",
    [
      [0, 1],
      [2, 0],
    ],
    "not symmetric at 0, 1",
  ],
  [
    "has a diagonal",
    [
      [0, 1],
      [1, 3],
    ],
    "condition 1 to itself is 3",
  ],
  [
    "has other rows",
    [
      [0, 1, 2],
      [1, 0],
    ],
    "2 rows of 2 numbers",
  ],
])("a square that %s is refused", (_, rows, message) => {
  expect(() => rdmOf(["a", "b"], rows)).toThrow(message);
});

test("conditions are unique, and pairs as many as they have", () => {
  expect(() => rdmOf(["a", "a"], [1])).toThrow('"a" comes twice');
  expect(() => rdmOf(["a", "b", "c"], [1])).toThrow("3 conditions have 3 pairs, got 1");
});

test("conditions are selected by name, in the order given", () => {
  const rdm = rdmOf(["a", "b", "c"], [1, 2, 3]);
  expect(selectConditions(rdm, ["c", "a"]).values).toEqual(Float64Array.of(2));
  expect(() => selectConditions(rdm, ["a", "d"])).toThrow('no condition "d"; there are a, b, c');
});

const metrics: readonly Metric[] = ["squared-euclidean", "euclidean", "correlation", "cosine", "overlap", "hamming"];

test.each(metrics)("%s does not depend on the order of the units", (metric) => {
  const patterns = draw(1, 5, 7);
  const order = random(2).permutation(7);
  const turned = patterns.map((pattern) => Array.from(order, (i) => pattern[i]!));
  expect(measureRdm(turned, { metric }).values).toBeAllClose(measureRdm(patterns, { metric }).values, {
    absolute: 1e-12,
  });
});

test("Euclidean distances do not depend on rotation", () => {
  const patterns = draw(3, 5, 2);
  const turned = patterns.map(([x, y]) => [0.6 * x! - 0.8 * y!, 0.8 * x! + 0.6 * y!]);
  const options = { metric: "euclidean" } as const;
  expect(measureRdm(turned, options).values).toBeAllClose(measureRdm(patterns, options).values, { absolute: 1e-12 });
});

test.each(Object.keys(methods) as Similarity[])("%s stays when both RDMs are reordered, and is 1 or less", (method) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 20, maxLength: 20 }),
      fc.nat(999),
      (levels, seed) => {
        const names = ["a", "b", "c", "d", "e"];
        const [left, right] = [levels.slice(0, 10), levels.slice(10)];
        fc.pre(new Set(left).size > 1 && new Set(right).size > 1);
        const [a, b] = [rdmOf(names, left), rdmOf(names, right)];
        const order = Array.from(random(seed).permutation(5), (i) => names[i]!);
        const score = compareRdms(a, b, { method });
        expect(compareRdms(selectConditions(a, order), selectConditions(b, order), { method })).toBeCloseTo(score, 12);
        expect(compareRdms(b, a, { method })).toBeCloseTo(score, 12);
        expect(Math.abs(score)).toBeLessThanOrEqual(1);
      },
    ),
    { seed: 1, numRuns: 50 },
  );
});

test("a constant RDM has no correlation: NaN, not 0", () => {
  const names = ["a", "b", "c"];
  const flat = rdmOf(names, [0.1, 0.1, 0.1]);
  for (const method of ["pearson", "spearman", "tau-b", "whitened-correlation"] as const) {
    expect(compareRdms(flat, rdmOf(names, [1, 2, 3]), { method })).toBeNaN();
  }
});

test("crossnobis of noise alone is 0 on average, and of equal folds the squared distance", () => {
  const patterns = draw(5, 4, 6);
  expect(measureCrossnobis([patterns, patterns, patterns]).values).toBeAllClose(
    measureRdm(patterns, { metric: "squared-euclidean" }).values,
    { absolute: 1e-12, relative: 1e-12 },
  );
  const noise = Array.from({ length: 200 }, (_, i) => measureCrossnobis([draw(100 + i, 4, 6), draw(500 + i, 4, 6)]));
  const all = noise.flatMap(({ values }) => [...values]);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  // One distance has a variance of 6 · 4 = 24; the mean of 200 independent RDMs of correlated pairs at most √(24 / 200) = 0.35.
  expect(Math.abs(mean)).toBeLessThan(5 * 0.35);
});

test("a pattern without a direction is an error that names it", () => {
  expect(() =>
    measureRdm([
      [1, 2],
      [3, 3],
    ]),
  ).toThrow("pattern 1 is constant");
  expect(() =>
    measureRdm(
      [
        [1, 2],
        [0, 0],
      ],
      { metric: "cosine" },
    ),
  ).toThrow("pattern 1 is zero");
  expect(() =>
    measureRdm(
      [
        [1, 2],
        [-1, 0],
      ],
      { metric: "overlap" },
    ),
  ).toThrow("pattern 1 has no channel above 0");
  expect(() =>
    measureRdm([
      [1, Number.NaN],
      [1, 2],
    ]),
  ).toThrow("channel 1 of pattern 0 is NaN");
});

test("options that a metric would pass over are errors", () => {
  const patterns = [
    [1, 2],
    [2, 1],
  ];
  expect(() => measureRdm(patterns, { threshold: 1 })).toThrow("threshold is for overlap");
  expect(() => measureRdm(patterns, { perChannel: true })).toThrow("perChannel is for");
  expect(() => measureRdm(patterns, { metric: "mahalanobis" })).toThrow("belong together");
  expect(() => measureRdm(patterns, { metric: "manhattan" as Metric })).toThrow('no metric "manhattan"');
});

test("means leave unknown pairs out", () => {
  const names = ["a", "b", "c"];
  const rdms = [rdmOf(names, [1, Number.NaN, Number.NaN]), rdmOf(names, [3, 4, Number.NaN])];
  expect(meanRdm(rdms).values).toEqual(Float64Array.of(2, 4, Number.NaN));
  expect(meanRdm(rdms, [3, 1]).values).toEqual(Float64Array.of(1.5, 4, Number.NaN));
});

test("ranks and percentiles keep the order, ties and gaps", () => {
  const rdm = rdmOf(["a", "b", "c", "d"], [5, 1, Number.NaN, 5, 9, 1]);
  expect(rankRdm(rdm).values).toEqual(Float64Array.of(3.5, 1.5, Number.NaN, 3.5, 5, 1.5));
  expect(percentileRdm(rdm).values).toEqual(Float64Array.of(70, 30, Number.NaN, 70, 100, 30));
});

test("ranks by keys are those by comparing, with ties, signs, zeros and infinities", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(0, -0, 1, -1)), { minLength: 1 }),
      (list) => {
        const values = Float32Array.from(list);
        expect([...rankFloats(values.length)(values)]).toEqual([...ranksOf(values)]);
      },
    ),
  );
  expect([...rankFloats(3)(Float32Array.of(2, Number.NaN, 1))]).toEqual([2, Number.NaN, 1]);
});
