import { readFileSync } from "node:fs";
import { disposeParameters, random } from "@cambium/core";
import { createModel } from "@cambium/models";
import { dispose, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { classWeights, weightClasses } from "./class-weights.ts";
import { measureClassification } from "./classification.ts";
import { measureNumbers } from "./numbers.ts";
import { measureTexts } from "./texts.ts";

const golden = JSON.parse(readFileSync(new URL("../../fixtures/metrics.json", import.meta.url), "utf8"));

/** What scikit-learn gives, to the digits that double precision keeps over a hundred sums. */
const near = (value: number) => expect.closeTo(value, 12);
const all = (scores: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(scores).map(([key, value]) => [key, near(value)]));

test.each([0, 1, 2])("classification agrees with scikit-learn, case %i", (i) => {
  const { labels, actual, scores, confusion, classes, weights, ...wanted } = golden.classification[i];
  const predictions = scores.map((row: number[]) => row.map((score, k) => ({ label: labels[k], score })));
  const report = measureClassification(predictions, actual, { labels });
  expect(report).toMatchObject({
    rows: actual.length,
    accuracy: near(wanted.accuracy),
    micro: all(wanted.micro),
    weighted: all(wanted.weighted),
    matthews: near(wanted.matthews),
    confusion,
  });
  expect(report.macro).toEqual(all(wanted.macro));
  expect(report.classes).toMatchObject(classes.map(all));
  expect(report.calibration).toMatchObject({
    error: near(wanted.error),
    brier: near(wanted.brier),
    logLoss: near(wanted.logLoss),
  });
  expect(Object.fromEntries(classWeights(actual))).toEqual(all(weights));
});

test("numbers agree with scikit-learn and scipy", () => {
  const { actual, predicted, ...wanted } = golden.numbers;
  expect(measureNumbers(predicted, actual)).toEqual({ rows: actual.length, ...all(wanted) });
});

test("a confusion of two classes has the scores that are computed by hand", () => {
  const predicted = ["a", "a", "a", "b", "b"];
  const report = measureClassification(predicted, ["a", "a", "b", "b", "a"]);
  expect(report.confusion).toEqual([
    [2, 1],
    [1, 1],
  ]);
  expect(report.classes[0]).toEqual({
    label: "a",
    precision: 2 / 3,
    recall: 2 / 3,
    f1: 2 / 3,
    actual: 3,
    predicted: 3,
  });
  expect(report.classes[1]).toEqual({
    label: "b",
    precision: 1 / 2,
    recall: 1 / 2,
    f1: 1 / 2,
    actual: 2,
    predicted: 2,
  });
  expect(report.calibration).toBeUndefined();
});

test("confidence on a bin's upper bound belongs to that bin, and certain and right is calibrated", () => {
  const sure = (score: number) => [
    { label: "a", score },
    { label: "b", score: 1 - score },
  ];
  const half = measureClassification([sure(0.75), sure(0.75), sure(1), sure(1)], ["a", "b", "a", "a"], { bins: 4 });
  expect(half.calibration!.bins.map(({ rows }) => rows)).toEqual([0, 0, 2, 2]);
  expect(half.calibration!.error).toBeCloseTo((2 * 0.25) / 4, 12);
  expect(half.calibration!.brier).toBeCloseTo((2 * 0.25 ** 2 + 2 * 0.75 ** 2) / 4, 12);
});

test.each<[string, () => unknown, string]>([
  ["lists of different lengths", () => measureClassification(["a"], ["a", "b"]), "got 1 for 2 rows"],
  ["no rows", () => measureClassification([], []), "got 0 for 0 rows"],
  [
    "a class that does not exist",
    () => measureClassification(["a"], ["spam"], { labels: ["a", "spa"] }),
    'row 0, "spam", is none of a, spa; was "spa" meant',
  ],
  [
    "probabilities of some rows",
    () => measureClassification(["a", [{ label: "a", score: 1 }]], ["a", "a"]),
    "1 of 2 predictions",
  ],
  [
    "probabilities that do not add up",
    () => measureClassification([[{ label: "a", score: 0.5 }]], ["a"]),
    "row 0 add up to 0.5",
  ],
  ["a class twice", () => measureClassification(["a"], ["a"], { labels: ["a", "b", "a"] }), 'labels has "a" twice'],
  [
    "no bins",
    () => measureClassification([[{ label: "a", score: 1 }]], ["a"], { bins: 0 }),
    "bins must be a whole number from 1",
  ],
  ["a number that is none", () => measureNumbers([Number.NaN], [1]), "finite numbers, got NaN"],
  ["no text that is right", () => measureTexts(["a"], [[]]), "row 0 has no text that is right"],
])("%s are an error", (_, call, message) => {
  expect(call).toThrow(message);
});

test("a text is right but for case and spaces, and the best of several right ones counts", () => {
  expect(measureTexts(["A  Cat", "big dog"], ["a cat", ["dog", "hound"]])).toEqual({
    rows: 2,
    exactMatch: 1 / 2,
    wordF1: (1 + 2 / 3) / 2,
  });
  expect(measureTexts(["the the"], ["the"])).toMatchObject({ wordF1: 2 / 3 });
});

const config = {
  model_type: "bert",
  hidden_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 6,
  vocab_size: 11,
};

test("a weighted loss is the weighted mean of the rows' losses, and equal weights change nothing", () => {
  const model = createModel(config, random(1), { head: { kind: "sequence-classification", labels: ["a", "b"] } });
  const objective = { ...model, loss: () => expect.unreachable() } as never;
  const batchOf = (ids: number[][], labels: number[]) => ({
    ids: tensor2d(ids, undefined, "int32"),
    mask: tensor2d(ids.map((row) => row.map(() => 1))),
    labels: tensor1d(labels, "int32"),
  });
  const context = { random: random(2), training: false };
  const rows = [
    [2, 5, 3],
    [2, 6, 3],
    [2, 7, 3],
  ];
  const labels = [0, 1, 0];
  const single = rows.map((row, i) => {
    const batch = batchOf([row], [labels[i]!]);
    const loss = model.loss!(batch as never);
    const value = loss.dataSync()[0]!;
    dispose([loss, ...Object.values(batch)]);
    return value;
  });
  const whole = batchOf(rows, labels);
  for (const [a, b] of [
    [1, 1],
    [3, 0.5],
  ] as const) {
    const weighted = weightClasses(
      objective,
      new Map([
        ["a", a],
        ["b", b],
      ]),
    );
    const loss = weighted.loss(model.parameters, whole as never, context as never);
    expect(loss.dataSync()[0]).toBeCloseTo((a * single[0]! + b * single[1]! + a * single[2]!) / (2 * a + b), 5);
    expect(weighted.weight!(whole as never)).toBe(2 * a + b);
    loss.dispose();
  }
  dispose(Object.values(whole));
  disposeParameters(model.parameters);
});

test("class weights are refused where they would not be seen", () => {
  const tuned = { head: { kind: "regression" }, parameters: new Map() } as never;
  expect(() => weightClasses(tuned, new Map())).toThrow('got "regression"');
  const penalised = {
    head: { kind: "sequence-classification", labels: ["a", "b"] },
    deltas: [{ name: "x", penalty: () => 0 }],
  } as never;
  expect(() => weightClasses(penalised, new Map())).toThrow('delta "x" has a penalty');
  const plain = { head: { kind: "sequence-classification", labels: ["a", "b"] } } as never;
  expect(() => weightClasses(plain, new Map([["a", 1]]))).toThrow('class "b" needs a weight above 0, got undefined');
});
