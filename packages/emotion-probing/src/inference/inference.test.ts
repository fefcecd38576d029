import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { compareRdms } from "../compare/compare-rdms.ts";
import { meanRdm } from "../rdm/change-rdm.ts";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { numberedConditions, type Rdm, rdmOf, selectConditions } from "../rdm/rdm.ts";
import { adjustP } from "./adjust.ts";
import { bootstrapSimilarity } from "./bootstrap.ts";
import { measureNoiseCeiling } from "./noise-ceiling.ts";
import { intraclassCorrelation, measureSplitHalf } from "./reliability.ts";
import { testSimilarity } from "./test-similarity.ts";

/** RDM of random patterns. */
const drawn = (seed: number, conditions: number, channels = 3): Rdm =>
  measureRdm(
    Array.from({ length: conditions }, (_, i) => random(seed).at(i).normals(channels)),
    { metric: "euclidean" },
  );

/** Smallest and greatest count that a binomial of n and p leaves with a chance of about 1e-6: five deviations. */
const binomialRange = (n: number, p: number): readonly [number, number] => {
  const spread = 5 * Math.sqrt(n * p * (1 - p));
  return [n * p - spread, n * p + spread];
};

test("under the null hypothesis p values are uniform, although pairs share conditions", () => {
  const runs = 400;
  const p = Array.from({ length: runs }, (_, i) => {
    const options = { permutations: 39, random: random(i) }; // p is a multiple of 1/40
    return testSimilarity(drawn(1000 + i, 8), [drawn(5000 + i, 8)], options)[0]!.p;
  });
  for (const level of [0.05, 0.1, 0.5, 0.9]) {
    const [low, high] = binomialRange(runs, level);
    const below = p.filter((value) => value <= level + 1e-9).length;
    expect(below).toBeGreaterThan(low);
    expect(below).toBeLessThan(high);
  }
  // Kolmogorov and Smirnov; 2.6 / √n is exceeded with a chance below 1e-5, and steps of 1/40 are allowed for.
  const sorted = [...p].sort((a, b) => a - b);
  const distance = Math.max(...sorted.map((value, i) => Math.abs((i + 1) / runs - value)));
  expect(distance).toBeLessThan(2.6 / Math.sqrt(runs) + 1 / 40);
});

test("the maximum over models keeps the chance of any false finding", () => {
  const runs = 200;
  const families = Array.from({ length: runs }, (_, i) => {
    const models = Array.from({ length: 8 }, (_, m) => drawn(100 * i + m, 8));
    return testSimilarity(drawn(70_000 + i, 8), models, { permutations: 39, random: random(i) });
  });
  const level = 0.05;
  const anyFound = (key: "p" | "pAny"): number =>
    families.filter((family) => family.some((one) => one[key] <= level)).length;
  expect(anyFound("pAny")).toBeLessThan(binomialRange(runs, level)[1]);
  expect(anyFound("p")).toBeGreaterThan(0.2 * runs); // without it, about 1 − 0.95^8 = 0.34
});

test("an order without a similarity is none that is as extreme, for one model or for any", () => {
  const conditions = numberedConditions(5);
  const x = Number.NaN;
  const data = rdmOf(conditions, [1, 1, 1, 2, x, 1, 1, x, 1, 1]);
  const models = [
    rdmOf(conditions, [1, 2, x, 3, x, 2, 3, 4, 3, 2]),
    rdmOf(conditions, [4, 4, 17, 21, 12, 7, 27, 27, 23, 22]),
  ];
  const [first, second] = testSimilarity(data, models, { random: random(1) });
  const alone = testSimilarity(data, [models[1]!], { random: random(1) })[0]!;
  // By hand: of every order the similarities that there are, and the greater of the two.
  let [any, whole] = [0, 0];
  const orders = (rest: readonly number[]): number[][] =>
    rest.length === 0 ? [[]] : rest.flatMap((i) => orders(rest.filter((j) => j !== i)).map((list) => [i, ...list]));
  for (const order of orders([0, 1, 2, 3, 4])) {
    const square = (rdm: Rdm) => selectConditions(rdm, order.map(String)).values;
    const found = models.map((model) => compareRdms(data, rdmOf(conditions, square(model))));
    const most = Math.max(...found.filter((value) => !Number.isNaN(value)), Number.NEGATIVE_INFINITY);
    any += Number(most >= second!.similarity - 1e-12);
    whole += Number(found[1]! >= second!.similarity - 1e-12);
  }
  expect([second!.p, second!.pAny]).toEqual([whole / 120, any / 120]);
  expect(second!.p).toBe(alone.p);
  expect(first!.pAny).toBeGreaterThanOrEqual(first!.p);
});

test("resamples and orders that leave too few known pairs do not count, and are no error", () => {
  const x = Number.NaN;
  const conditions = numberedConditions(6);
  const data = rdmOf(conditions, [4, x, 3, 21, 5, 7, x, 27, 23, 22, x, 8, 1, 6, x]);
  const model = rdmOf(conditions, [1, 2, x, 3, 4, x, 6, 5, 8, 7, 9, x, 2, 1, 4]);
  const { resamples } = bootstrapSimilarity([data], [model], { resamples: 200, random: random(1) });
  expect(resamples).toBeGreaterThan(100);
  expect(resamples).toBeLessThan(200);
  const few = rdmOf(numberedConditions(4), [1, 2, 3, x, x, 4]);
  const other = rdmOf(numberedConditions(4), [1, 3, 2, 4, x, x]);
  expect(testSimilarity(few, [other], { random: random(1) })[0]).toMatchObject({ permutations: 24 });
});

test("halves that disagree are no more unreliable than −1", () => {
  const data = drawn(1, 6);
  const opposite = rdmOf(
    data.conditions,
    data.values.map((value) => 10 - value),
  );
  expect(measureSplitHalf([data, opposite], { random: random(1) })).toEqual({ half: -1, whole: -1 });
});

test("what is constant has no ceiling and no halves", () => {
  const data = drawn(1, 5);
  const flat = rdmOf(data.conditions, new Float64Array(10).fill(1));
  expect(() => measureNoiseCeiling([data, flat, drawn(2, 5)])).toThrow("subject 1 has no similarity");
  expect(() => measureNoiseCeiling([flat, data, drawn(2, 5)], { method: "cosine" })).not.toThrow(); // it has a cosine
  expect(() => measureSplitHalf([data, flat], { random: random(1) })).toThrow("the mean of a half is constant");
});

test.each([
  [
    "3,1",
    [
      [1, 2],
      [2, 3],
      [4, 5],
    ],
    1,
  ],
  [
    "3,k",
    [
      [0.1, 0.3],
      [0.2, 0.4],
      [0.7, 0.9],
    ],
    1,
  ],
  [
    "1,1",
    [
      [1, 1],
      [2, 2],
      [4, 4],
    ],
    1,
  ],
  [
    "2,k",
    [
      [1, 1],
      [2, 2],
      [4, 4],
    ],
    1,
  ],
  [
    "1,1",
    [
      [1, 2],
      [2, 1],
    ],
    -1,
  ],
] as const)("raters who agree in everything that %s asks have %j: %d", (kind, ratings, value) => {
  const found = intraclassCorrelation(ratings, { kind });
  expect(found.value).toBeCloseTo(value, 12);
  expect([found.low, found.high, found.p].every(Number.isFinite)).toBe(true);
});

test("ratings that do not vary have no intraclass correlation, and a level is a share", () => {
  const kinds = ["1,1", "2,1", "3,1"] as const;
  const same = [
    [3, 3],
    [3, 3],
  ];
  for (const kind of kinds) expect(() => intraclassCorrelation(same, { kind })).toThrow("neither targets nor");
  expect(() =>
    intraclassCorrelation(
      [
        [1, 2],
        [3, 3],
      ],
      { kind: "2,1", level: 95 },
    ),
  ).toThrow("between 0 and 1, got 95");
});

test("alternatives look at their own side", () => {
  const data = drawn(1, 9);
  const opposite = rdmOf(
    data.conditions,
    data.values.map((value) => -value),
  );
  const p = (alternative: "greater" | "less" | "two-sided"): number =>
    testSimilarity(data, [opposite], { alternative, permutations: 199, random: random(1) })[0]!.p;
  expect(p("greater")).toBe(1);
  expect(p("less")).toBe(1 / 200);
  expect(p("two-sided")).toBe(1 / 200);
});

test("a test given the common cause of two RDMs keeps its level, and without it finds their similarity", () => {
  const runs = 200;
  const tests = Array.from({ length: runs }, (_, run) => {
    const cause = drawn(3 * run, 8);
    const effect = (seed: number): Rdm =>
      rdmOf(
        cause.conditions,
        cause.values.map((value, i) => value + 0.3 * drawn(seed, 8).values[i]!),
      );
    const options = { method: "pearson", permutations: 39, random: random(run) } as const;
    const [data, model] = [effect(100_000 + run), effect(200_000 + run)];
    const [plain] = testSimilarity(data, [model], options);
    const [given] = testSimilarity(data, [model], { ...options, given: [cause] });
    return { plain: plain!.p, given: given!.p };
  });
  expect(tests.filter(({ plain }) => plain <= 0.05).length).toBeGreaterThan(0.9 * runs);
  expect(tests.filter(({ given }) => given <= 0.05).length).toBeLessThan(binomialRange(runs, 0.05)[1]);
});

test("unknown pairs move with their conditions", () => {
  const [data, model] = [drawn(1, 6), drawn(2, 6)];
  const gaps = { ...data, values: data.values.with(3, Number.NaN) };
  const options = { random: random(1) };
  expect(testSimilarity(gaps, [model], options)[0]!.similarity).toBe(compareRdms(gaps, model));
  const whole = testSimilarity(data, [data], options)[0]!;
  const some = testSimilarity(gaps, [gaps], options)[0]!;
  expect(whole.p).toBe(1 / 720);
  expect(some.p).toBe(1 / 720);
});

test("settings that cannot be meant are errors", () => {
  const [a, flat] = [drawn(1, 5), rdmOf(numberedConditions(5), new Float64Array(10).fill(1))];
  expect(() => testSimilarity(a, [flat], { random: random(1) })).toThrow("model 0 has no similarity");
  expect(() => testSimilarity(a, [a], { random: random(1), permutations: 0 })).toThrow("an integer from 1");
  expect(() => testSimilarity(a, [a], { random: random(1), alternative: "more" as never })).toThrow(
    "alternative must be",
  );
  expect(() => bootstrapSimilarity([a], [a], { random: random(1), over: "both" })).toThrow("at least two subjects");
  expect(() => measureNoiseCeiling([a])).toThrow("at least two subjects");
});

test("adjusted p values: closed forms, order, ties and tests that are not shown", () => {
  expect(adjustP([0.01, 0.02, 0.03], "holm")).toBeAllClose([0.03, 0.04, 0.04]);
  expect(adjustP([0.01, 0.02, 0.03], "bonferroni")).toBeAllClose([0.03, 0.06, 0.09]);
  expect(adjustP([0.01, 0.02, 0.03], "by")).toBeAllClose([0.055, 0.055, 0.055]);
  expect(adjustP([0.03, 0.01, 0.02])).toBeAllClose([0.03, 0.03, 0.03]);
  expect(adjustP([0.02, 0.02, Number.NaN], "naive")).toEqual(Float64Array.of(0.02, 0.02, Number.NaN));
  expect(adjustP([0.01], "bh", 4)).toBeAllClose([0.04]);
  expect(() => adjustP([1.2])).toThrow("p value 0 must lie between 0 and 1");
  expect(() => adjustP([0.1, 0.2], "bh", 1)).toThrow("tests must be an integer from 2");
});

test("Benjamini and Hochberg keep the rate of false discoveries", () => {
  const rates = Array.from({ length: 200 }, (_, run) => {
    const uniform = random(run).uniforms(50);
    const p = uniform.map((value, i) => (i < 10 ? value * 1e-4 : value)); // ten effects
    const found = [...adjustP(p).entries()].filter(([, q]) => q <= 0.1).map(([i]) => i);
    return found.length === 0 ? 0 : found.filter((i) => i >= 10).length / found.length;
  });
  const mean = rates.reduce((sum, value) => sum + value, 0) / rates.length;
  expect(mean).toBeLessThan(0.08 + 5 * (0.09 / Math.sqrt(200))); // 0.1 · 40/50, with five standard errors
  expect(mean).toBeGreaterThan(0.08 - 5 * (0.09 / Math.sqrt(200)));
});

test("noise ceilings bracket what the true model reaches", () => {
  const truth = drawn(1, 10);
  const within = Array.from({ length: 20 }, (_, run) => {
    const subjects = Array.from({ length: 12 }, (_, s) =>
      rdmOf(
        truth.conditions,
        truth.values.map((value, i) => value + 2 * random(run).at(s).normals(45)[i]!),
      ),
    );
    const { lower, upper } = measureNoiseCeiling(subjects);
    const reached = subjects.reduce((sum, subject) => sum + compareRdms(truth, subject), 0) / subjects.length;
    return { lower: lower - reached, upper: upper - reached };
  });
  const mean = (key: "lower" | "upper"): number => within.reduce((sum, one) => sum + one[key], 0) / within.length;
  expect(mean("lower")).toBeLessThan(0);
  expect(within.filter(({ upper }) => upper > 0).length).toBe(20);
  expect(mean("upper")).toBeGreaterThan(0);
});

test("bootstrap intervals hold the similarity over all conditions, and differences are found", () => {
  const truth = drawn(1, 20);
  const noisy = (seed: number, size: number): Rdm =>
    rdmOf(
      truth.conditions,
      truth.values.map((value, i) => value + size * random(seed).normals(190)[i]!),
    );
  const { models, differences, resamples } = bootstrapSimilarity([noisy(1, 0.5), noisy(2, 0.5)], [truth, noisy(3, 3)], {
    resamples: 200,
    random: random(1),
  });
  expect(resamples).toBe(200);
  for (const { low, high, similarity } of models) {
    expect(low).toBeLessThan(similarity);
    expect(high).toBeGreaterThan(similarity);
  }
  expect(differences).toHaveLength(1);
  expect(differences[0]!.p).toBeLessThan(0.05);
  expect(differences[0]!.low).toBeGreaterThan(0);
});

test("conditions that are drawn twice make no model look better", () => {
  // Zeros on repeated pairs would make two unrelated RDMs similar.
  const gains = Array.from({ length: 15 }, (_, i) => {
    const [a, b] = [drawn(2 * i, 12), drawn(2 * i + 1, 12)];
    const { models } = bootstrapSimilarity([a], [b], { resamples: 40, random: random(i) });
    return (models[0]!.low + models[0]!.high) / 2 - models[0]!.similarity;
  });
  const mean = gains.reduce((sum, value) => sum + value, 0) / gains.length;
  expect(Math.abs(mean)).toBeLessThan(0.1);
});

test("intraclass correlations of Shrout and Fleiss's table 2", () => {
  const ratings = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
  ];
  const value = (kind: "1,1" | "1,k" | "2,1" | "2,k" | "3,1" | "3,k"): number =>
    intraclassCorrelation(ratings, { kind }).value;
  const found = [value("1,1"), value("2,1"), value("3,1"), value("1,k"), value("2,k"), value("3,k")];
  expect(found.map((one) => Number(one.toFixed(2)))).toEqual([0.17, 0.29, 0.71, 0.44, 0.62, 0.91]);
});

test.each(["1,1", "2,1", "3,k"] as const)("intervals of ICC(%s) hold the true value as often as they say", (kind) => {
  const [targets, raters, runs] = [20, 4, 200];
  const single = 0.5; // variance 1 between targets, 1 of noise
  const truth = kind === "3,k" ? (raters * single) / (1 + (raters - 1) * single) : single;
  const held = Array.from({ length: runs }, (_, run) => {
    const between = random(run).at("targets").normals(targets);
    const ratings = Array.from(between, (level, t) =>
      Array.from(random(run).at(t).normals(raters), (noise) => level + noise),
    );
    const { low, high } = intraclassCorrelation(ratings, { kind });
    return low <= truth && truth <= high;
  }).filter(Boolean).length;
  expect(held).toBeGreaterThan(binomialRange(runs, 0.95)[0]);
});

test("halves of a mean predict the whole by Spearman and Brown", () => {
  const truth = drawn(1, 16);
  const seeds = Array.from({ length: 12 }, (_, s) =>
    rdmOf(
      truth.conditions,
      truth.values.map((value, i) => value + 3 * random(s).normals(120)[i]!),
    ),
  );
  const options = { method: "pearson", random: random(1) } as const;
  const { half, whole } = measureSplitHalf(seeds, options);
  expect(whole).toBeCloseTo((2 * half) / (1 + half), 12);
  const others = Array.from({ length: 12 }, (_, s) =>
    rdmOf(
      truth.conditions,
      truth.values.map((value, i) => value + 3 * random(900 + s).normals(120)[i]!),
    ),
  );
  const reached = compareRdms(meanRdm(seeds), meanRdm(others), { method: "pearson" });
  expect(Math.abs(reached - whole)).toBeLessThan(0.15); // sampling of one pair of means of 120 pairs
});
