import { readFileSync } from "node:fs";
import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { rankByElasticNet } from "../neurons/elastic-net.ts";
import { selectUnits } from "../neurons/scores.ts";
import { dipTest } from "./dip-test.ts";
import { measureCorrespondence, testMean, testMeans } from "./test-mean.ts";

interface Golden {
  readonly dips: readonly { readonly values: readonly number[]; readonly dip: number }[];
  readonly mean: {
    readonly values: readonly number[];
    readonly against: number;
    readonly tests: Readonly<Record<"greater" | "less" | "two-sided", { readonly t: number; readonly p: number }>>;
    readonly interval: readonly [low: number, high: number];
  };
  readonly elasticNet: {
    readonly x: readonly (readonly number[])[];
    readonly labels: readonly number[];
    readonly lasso: number;
    readonly ridge: number;
    readonly scores: readonly number[];
    readonly objective: number;
    readonly accuracy: number;
  };
}

/** What `fixtures/make_golden_inference.py` writes. */
const golden: Golden = JSON.parse(
  readFileSync(new URL("../../fixtures/golden-inference.json", import.meta.url), "utf8"),
);

test("dips are those of the reference, of one peak and of two, with ties and without", () => {
  const found = golden.dips.map(({ values }) => dipTest(values, { draws: 1, random: random(1) }).dip);
  expect(found).toBeAllClose(
    golden.dips.map(({ dip }) => dip),
    { absolute: 1e-9 },
  );
});

test("two peaks are told from one, scale and order do not matter, and one value has the least dip", () => {
  const one = [...random(1).normals(40)];
  const two = [...one.slice(0, 20).map((x) => x - 4), ...one.slice(20).map((x) => x + 4)];
  const options = { draws: 199, random: random(2) };
  expect(dipTest(two, options).p).toBe(1 / 200);
  expect(dipTest(one, options).p).toBeGreaterThan(0.1);
  const { dip } = dipTest(one, options);
  expect(
    dipTest(
      one.toReversed().map((x) => 5 - 3 * x),
      options,
    ).dip,
  ).toBeCloseTo(dip, 12);
  expect(dipTest([7, 7, 7, 7, 7], options).dip).toBe(1 / 10);
  expect(() => dipTest([1, 2, 3], options)).toThrow(/four finite numbers/);
  expect(() => dipTest([1, 2, 3, Number.NaN], options)).toThrow(/four finite numbers/);
});

test.each(["greater", "less", "two-sided"] as const)(
  "the t test of a mean that is %s is the reference's",
  (alternative) => {
    const { values, against, tests, interval } = golden.mean;
    const found = testMean(values, { alternative, against });
    expect(found).toMatchObject({ degrees: 11 });
    expect([found.t, found.p]).toBeAllClose([tests[alternative].t, tests[alternative].p], { relative: 1e-9 });
    const { low, high } = testMean(values, { level: 0.9 });
    expect([low, high]).toBeAllClose([...interval], { relative: 1e-9 });
  },
);

test("equal numbers have a p of 0 or 1, groups are adjusted for their number, and what cannot be tested is named", () => {
  expect(testMean([2, 2, 2])).toMatchObject({ mean: 2, low: 2, high: 2, p: 0 });
  expect(testMean([2, 2, 2], { alternative: "less" }).p).toBe(1);
  expect(testMean([0, 0])).toMatchObject({ t: Number.NaN, p: 1 });
  const tested = testMeans({ joy: [0.2, 0.3, 0.25], fear: [0.1, -0.1, 0.05] });
  expect(tested.joy.q).toBeCloseTo(2 * tested.joy.p, 12);
  expect(tested.fear.q).toBe(tested.fear.p);
  expect(() => testMean([1])).toThrow(/two or more/);
  expect(() => testMeans({ joy: [1, 2], grief: [] })).toThrow(/"grief": testMean: two or more/);
  expect(() => testMean([1, 2], { alternative: "more" as never })).toThrow(/alternative must be one of/);
});

test("what hurts as it counts corresponds; over conditions by a t test, over attributes by their orders", () => {
  const weights = { valence: 0.6, joy: 0.5, fear: 0.3, novelty: 0.1, arousal: 0 };
  const names = Object.keys(weights) as (keyof typeof weights)[];
  const row = (seed: number, size: number) => {
    const noise = random(seed).normals(names.length);
    return Object.fromEntries(names.map((name, i) => [name, weights[name] + size * noise[i]!]));
  };
  const near = { joy: row(1, 0.05), fear: row(2, 0.05), anger: row(3, 0.05) };
  const found = measureCorrespondence(near, weights, { permutations: 400, random: random(4) });
  expect(Object.keys(found.byCondition)).toEqual(["joy", "fear", "anger"]);
  expect(found.mean).toBeGreaterThan(0.9);
  expect(found.low).toBeLessThan(found.mean);
  expect(found.p).toBeLessThan(0.05);
  expect(found.pByAttributes).toBeLessThan(0.05); // of 120 orders this is the best or nearly
  const turned = Object.fromEntries(names.map((name) => [name, -weights[name]]));
  expect(measureCorrespondence(near, turned, { permutations: 99, random: random(4) }).pByAttributes).toBeGreaterThan(
    0.9,
  );
  expect(() => measureCorrespondence(near, { valence: 1, joy: 2, grief: 3 }, { random: random(1) })).toThrow(
    /grief of joy/,
  );
  const flat = { a: { x: 1, y: 1, z: 1 }, b: { x: 1, y: 2, z: 3 } };
  expect(() => measureCorrespondence(flat, { x: 1, y: 2, z: 3 }, { random: random(1) })).toThrow(
    /drops of "a" are the same/,
  );
});

test("an elastic net's weights are the reference's, over all sites, and few are kept where the penalty is great", () => {
  const { x, labels, lasso, ridge, scores, objective, accuracy } = golden.elasticNet;
  const sites = [
    { path: "layer.0", layer: 0, width: 8 },
    { path: "layer.1", layer: 1, width: 6 },
  ];
  const rows = new Map([
    ["layer.0", x.map((row) => Float32Array.from(row.slice(0, 8)))],
    ["layer.1", x.map((row) => Float32Array.from(row.slice(8)))],
  ]);
  const names = labels.map(String);
  const found = rankByElasticNet(sites, rows, names, { lasso, ridge, steps: 5000, tolerance: 1e-8 });
  expect(found.isConverged).toBe(true);
  expect(found.objective).toBeCloseTo(objective, 7);
  expect(found.accuracy).toBe(accuracy);
  const own = sites.flatMap(({ path }) => [...found.scores.values.get(path)!]);
  expect(own).toBeAllClose([...scores], { absolute: 1e-4 });
  expect(found.kept).toBe(scores.filter((score) => score > 0).length);
  const strict = rankByElasticNet(sites, rows, names, { lasso: 0.2 });
  expect(strict.kept).toBeLessThan(6);
  expect(selectUnits(strict.scores, { top: 3 }).every(({ layer, unit }) => layer === 0 && unit < 4)).toBe(true);
  expect(() =>
    rankByElasticNet(
      sites,
      rows,
      names.map(() => "a"),
    ),
  ).toThrow(/labels of two classes/);
  expect(() => rankByElasticNet(sites, rows, names.slice(1))).toThrow(/must be \[59\]\[8\]/);
});
