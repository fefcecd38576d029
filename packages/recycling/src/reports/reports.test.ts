import { readFileSync } from "node:fs";
import { disposeParameters, random } from "@cambium/core";
import { head, lora } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";
import { expectClose } from "@cambium/models/testing";
import { memory, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { first, later, type TinyRow, tinyData, tinyRows, trained, tunedOn, withValues } from "../versions.fixture.ts";
import { measureAgreement } from "./agreement.ts";
import { attentionSimilarity } from "./attention-similarity.ts";
import { cka, debiasedCka, linearCka } from "./cka.ts";
import { compatibilityReport } from "./compatibility-report.ts";
import { convergenceReport } from "./convergence.ts";
import { flipReport } from "./flips.ts";
import { plotCka, plotConvergence, plotDecay, plotFlips, plotHeads, relationTable } from "./plots.ts";
import { baselineOf } from "./score.ts";

interface CkaCase {
  readonly rows: number;
  readonly left: number;
  readonly right: number;
  readonly x: number[];
  readonly y: number[];
  readonly biased: number;
  readonly debiased: number;
}
const golden = JSON.parse(readFileSync(new URL("../../fixtures/golden.json", import.meta.url), "utf8")) as {
  cka: CkaCase[];
};

test.each(golden.cka.map((each) => [each.rows, each] as const))("CKA of %d rows is PyTorch's", async (_, each) => {
  const [x, y] = [tensor2d(each.x, [each.rows, each.left]), tensor2d(each.y, [each.rows, each.right])];
  expect(await linearCka(x, y)).toBeCloseTo(each.biased, 5);
  expect(await debiasedCka(x, y)).toBeCloseTo(each.debiased, 4);
  x.dispose();
  y.dispose();
});

test("CKA of rotated, scaled and shifted copies is 1, and rows of other models must be as many", async () => {
  const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
  const values = random(2).normals(12);
  const x = tensor2d([...values], [6, 2]);
  const y = tensor2d(
    Array.from({ length: 6 }, (_, i) => {
      const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
      return [3 * (cos * a - sin * b) + 5, 3 * (sin * a + cos * b) - 1];
    }),
  );
  expect(await linearCka(x, y)).toBeCloseTo(1, 5);
  expect(await debiasedCka(x, y)).toBeCloseTo(1, 4);
  const few = tensor2d([[1], [2]]);
  await expect(linearCka(x, few)).rejects.toMatchObject({ code: "SHAPE" });
  await expect(debiasedCka(few, few)).rejects.toThrow("at least 4 rows");
  for (const each of [x, y, few]) each.dispose();
});

/** Three models and rows of one length, so that no batch has padding. */
function models(): {
  base: LanguageModel;
  next: LanguageModel;
  stranger: LanguageModel;
  rows: TinyRow[];
  free: () => void;
} {
  const [base, stranger] = [first(), first(undefined, 2)];
  const next = later(base, 0.02);
  return {
    base,
    next,
    stranger,
    rows: tinyRows(8).map(({ ids, label }) => ({ ids: [...ids, 1, 2, 3].slice(0, 5), label: label! })),
    free: () => {
      for (const tree of [base, next, stranger]) disposeParameters(tree.parameters);
    },
  };
}

test("layers represent as they do in themselves, and less as in a model of another start", async () => {
  const { base, next, stranger, rows, free } = models();
  const data = tinyData(rows, { size: 4 });
  for (const estimate of ["debiased", "biased"] as const) {
    const own = await cka(base, base, data, { estimate });
    for (const layer of own.matrix.keys()) expect(own.matrix[layer]![layer]).toBeCloseTo(1, 4);
    expect(own.rows).toBe(8);
    const [near, far] = [await cka(base, next, data, { estimate }), await cka(base, stranger, data, { estimate })];
    expect(near.matrix[1]![1]!).toBeGreaterThan(far.matrix[1]![1]!);
  }
  // Streamed over batches, the biased one is that of all rows at once.
  const [split, whole] = [
    await cka(base, next, data, { estimate: "biased" }),
    await cka(base, next, tinyData(rows, { size: 8 }), { estimate: "biased" }),
  ];
  expectClose(split.matrix.flat(), whole.matrix.flat(), { absolute: 1e-5 });
  await expect(cka(base, next, tinyData(rows, { size: 3 }))).rejects.toThrow("batches of fewer than 4");
  await expect(cka(base, next, data, { role: "blok" })).rejects.toThrow('"block"');
  await expect(cka(base, next, data, { row: "middle" as never })).rejects.toThrow("row must be");
  free();
});

test("heads attend as they do themselves, and more like the one at their index than any other", async () => {
  const { base, next, stranger, rows, free } = models();
  const padded = tinyData(tinyRows(6));
  const before = memory().numTensors;
  const own = await attentionSimilarity(base, base, padded);
  expectClose(
    own.same.flat(),
    own.same.flat().map(() => 1),
    { absolute: 1e-5 },
  );
  expectClose(
    own.cosine.flat(),
    own.same.flat().map(() => 1),
    { absolute: 1e-5 },
  );
  expect(own.matched).toBe(1);
  expect(own.tokens).toBe(tinyRows(6).reduce((sum, { ids }) => sum + ids.length, 0));
  const found = await attentionSimilarity(base, next, tinyData(rows), { controls: { stranger } });
  expect(found.meanSame).toBeGreaterThan(found.controls["stranger"]!.meanSame);
  for (const value of found.same.flat()) expect(value >= 0 && value <= 1).toBe(true);
  // Padding makes no difference.
  const [one, other] = [
    await attentionSimilarity(base, next, padded),
    await attentionSimilarity(base, next, tinyData(tinyRows(6), { size: 1 })),
  ];
  expectClose(one.same.flat(), other.same.flat(), { absolute: 1e-5 });
  expect(memory().numTensors).toBe(before);
  await expect(attentionSimilarity(base, next, padded, { control: {} } as never)).rejects.toThrow(
    'is "controls" meant',
  );
  free();
});

test("an old delta keeps its gain on its own model, and what it scores on others is told", async () => {
  const { base, next, stranger, free } = models();
  const old = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))), trained(head(base)));
  const data = tinyData(tinyRows(9), { shuffled: false });
  const loaded = later(base, 0.3, 8);
  const before = memory().numTensors;
  const found = await compatibilityReport(
    old,
    [
      { name: "same", step: 1, model: base },
      { name: "near", step: 2, model: next },
      { name: "far", step: 3, model: async () => loaded },
      { name: "stranger", model: stranger },
    ],
    data,
  );
  expect(memory().numTensors).toBe(before - loaded.parameters.size);
  expect(found.checkpoints[0]!.score.loss).toBeCloseTo(found.reference.loss, 5);
  expect(found.checkpoints.map(({ name }) => name)).toEqual(["same", "near", "far", "stranger"]);
  expect(found.baseline?.accuracy).toBeCloseTo(largestShare(tinyRows(9)), 6);
  const figure = plotDecay({ lora: found });
  expect(figure.svg()).toContain("stranger");
  const turned = withValues(next, next.parameters, {
    kind: "sequence-classification",
    labels: ["blue", "red", "green"],
  });
  const again = await compatibilityReport(old, [{ name: "turned", model: turned }], data);
  expect(again.checkpoints[0]!.score.accuracy).toBe(found.checkpoints[1]!.score.accuracy);
  const other = { name: "other", model: first({ kind: "regression" }) };
  await expect(compatibilityReport(old, [other], data)).rejects.toThrow("compatibilityReport: other: ");
  for (const tree of [old, other.model]) disposeParameters(tree.parameters);
  free();
});

const largestShare = (rows: readonly TinyRow[]): number =>
  Math.max(...[0, 1, 2].map((label) => rows.filter((row) => row.label === label).length)) / rows.length;

test("of a delta that is no better than a constant answer, no share is kept", async () => {
  const { base, next, free } = models();
  const old = tunedOn(base, trained(head(base)));
  // Of rows of one label a constant answer is always right.
  const data = tinyData(
    tinyRows(9).map((row) => ({ ...row, label: 0 })),
    { shuffled: false },
  );
  const found = await compatibilityReport(old, [{ name: "next", step: 1, model: next }], data);
  expect(found.baseline?.accuracy).toBe(1);
  expect(found.checkpoints[0]!.kept).toBeUndefined();
  disposeParameters(old.parameters);
  free();
});

test("a constant answer scores the variance of numbers, and nothing of tokens", async () => {
  const rows = [1, 2, 3, 6].map((label) => ({ ids: [1, 2], label }));
  expect((await baselineOf({ head: { kind: "regression" } }, tinyData(rows, { float: true })))?.loss).toBeCloseTo(
    3.5,
    6,
  );
  expect(await baselineOf({ head: { kind: "causal-lm" } }, tinyData(rows))).toBeUndefined();
});

test("flips are counted by what they were and what they are", () => {
  const report = flipReport(["a", "a", "b", "c", "b"], ["a", "b", "a", "b", "b"], ["a", "a", "a", "a", "b"]);
  expect(report).toEqual({
    rows: 5,
    negativeFlips: 0.2,
    positiveFlips: 0.2,
    netGain: 0,
    agreement: 0.4,
    otherMistakes: 0.2,
    regressions: [1],
    matrix: [
      [2, 1],
      [1, 1],
    ],
  });
  expect(() => flipReport([1], [1, 2], [1])).toThrow("lists of one length");
  expect(plotFlips(report).svg()).toContain("was right");
});

test("two models are compared by guesses and by probabilities", async () => {
  const { base, next, free } = models();
  const data = tinyData(tinyRows(6));
  const own = await measureAgreement(base, base, data);
  expect(own).toMatchObject({ rows: 6, agreement: 1, flips: { negativeFlips: 0, positiveFlips: 0 } });
  expect(own.divergence).toBeCloseTo(0, 6);
  expect((await measureAgreement(base, next, data)).divergence).toBeGreaterThan(0);
  free();
});

test("curves are compared with what the reference reaches", () => {
  const curve = (name: string, scores: readonly number[]) => ({
    name,
    points: scores.map((score, i) => ({ step: 10 * i, score })),
  });
  const [scratch, start, flat] = convergenceReport(
    [curve("scratch", [0, 0.5, 0.9, 1]), curve("start", [0.8, 0.96, 1, 1]), curve("flat", [0.1, 0.1, 0.1, 0.1])],
    "scratch",
  );
  expect(scratch).toMatchObject({ best: { step: 30, score: 1 }, stepsTo: { "90": 20, "95": 30, "99": 30 } });
  expect(start!.stepsTo).toEqual({ "90": 10, "95": 10, "99": 20 });
  expect(flat!.stepsTo["90"]).toBeUndefined();
  expect(scratch!.area).toBeCloseTo((0.25 + 0.7 + 0.95) / 3, 12);
  expect(scratch!.scoreAt["10"]).toBeCloseTo(0.15, 12);
  expect(scratch!.scoreAt["100"]).toBe(1);
  const losses = [curve("a", [-1, -0.5])];
  expect(() => convergenceReport(losses, "a")).toThrow('"a" reaches -0.5 at best, of which shares mean nothing');
  expect(() => convergenceReport([curve("a", [1])], "b")).toThrow('no curve "b"');
  expect(() => convergenceReport([{ name: "a", points: [] }], "a")).toThrow("has no points");
});

test("figures and tables show what was found", () => {
  const heads = { same: [[0.9, 0.8]], cosine: [[1, 1]], meanSame: 0.85, meanOther: 0.4, rank: [[1, 1]], matched: 1 };
  expect(plotHeads(heads).svg()).toContain("head 1");
  expect(plotCka({ sites: [["a"], ["b"]], matrix: [[0.5]], rows: 4 }).svg()).toContain("0.50");
  const points = [
    { step: 0, score: 0.4 },
    { step: 5, score: 0.9 },
  ];
  expect(plotConvergence([{ name: "scratch", points }], "scratch").svg()).toContain("scratch");
  const found = relationTable([
    { source: "a", target: "a", relation: "same", scores: { direct: 0.8, init: 0.9 } },
    { source: "a", target: "b", relation: "other", scores: { init: 0.5 } },
    { source: "b", target: "a", relation: "other", scores: { init: 0.7 } },
  ]);
  expect(found.rows).toEqual([
    ["same", 1, 0.8, 0.9],
    ["other", 2, undefined, 0.6],
  ]);
  expect(() => relationTable([])).toThrow("no results");
  tidy(() => expectClose(tensor1d([1]), [1]));
});
