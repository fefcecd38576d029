import { expect, test } from "vitest";
import { attributeBarrier, measureAnswers } from "../barrier/agreement.ts";
import type { PathPoint } from "../barrier/run-path.ts";
import type { Evaluator, Measurement } from "../evaluate/evaluator.ts";
import { createCartographer } from "./cartography.ts";
import { measureKnowledge } from "./shift.ts";

const measured = (values: Record<string, readonly number[]>): Measurement => ({
  loss: 0,
  weights: new Float32Array(Object.values(values)[0]!.length).fill(1),
  values: Object.fromEntries(Object.entries(values).map(([name, list]) => [name, Float32Array.from(list)])),
});

const path = (rows: readonly Record<string, readonly number[]>[]): { points: PathPoint[]; ts: number[] } => {
  const ts = rows.map((_, i) => i / (rows.length - 1));
  return { ts, points: rows.map((row, i) => ({ t: ts[i]!, ...measured(row) })) };
};

/** An evaluator that says one thing after the other. */
function script(rows: readonly Record<string, readonly number[]>[]): Evaluator {
  let next = 0;
  return {
    unit: "row",
    rows: 3,
    measure: async () => measured(rows[next++]!),
    describe: async () => ({}),
    dispose: () => undefined,
  };
}

test("cartography is mean, deviation, share of right guesses and turns of each example", async () => {
  const map = createCartographer(
    script([
      { gold: [0.2, 0.9, 0.5], correct: [0, 1, 1] },
      { gold: [0.6, 0.9, 0.3], correct: [1, 1, 0] },
      { gold: [0.7, 0.9, 0.7], correct: [1, 1, 1] },
    ]),
  );
  expect(() => map.result()).toThrow("nothing was recorded");
  for (let i = 0; i < 3; i++) await map.record(new Map());
  const { confidence, variability, correctness, turns, records } = map.result();
  expect(records).toBe(3);
  expect([...confidence]).toBeAllClose([0.5, 0.9, 0.5], { absolute: 1e-6 });
  expect([...variability]).toBeAllClose([Math.sqrt(0.14 / 3), 0, Math.sqrt(0.08 / 3)], { absolute: 1e-6 });
  expect([...correctness]).toBeAllClose([2 / 3, 1, 2 / 3], { absolute: 1e-12 });
  expect([...turns]).toEqual([1, 0, 2]);
  await expect(createCartographer(script([{ loss: [1] }])).record(new Map())).rejects.toThrow('"gold" and "correct"');
});

test("forgotten and learned examples are told by the point before, those that flip back as well", () => {
  const shift = measureKnowledge(
    path([{ correct: [1, 1, 0, 0] }, { correct: [0, 1, 1, 0] }, { correct: [1, 0, 1, 0] }]),
    {
      records: 2,
      confidence: Float64Array.of(0.4, 0.8, 0.6, 0.1),
      variability: Float64Array.of(0.3, 0.1, 0.2, 0),
      correctness: new Float64Array(4),
      turns: new Uint32Array(4),
    },
  );
  expect(shift.steps).toEqual([
    {
      t: 0.5,
      forgotten: [0],
      learned: [2],
      forgottenConfidence: 0.4,
      forgottenVariability: 0.3,
      learnedConfidence: 0.6,
      learnedVariability: 0.2,
    },
    {
      t: 1,
      forgotten: [1],
      learned: [0],
      forgottenConfidence: 0.8,
      forgottenVariability: 0.1,
      learnedConfidence: 0.4,
      learnedVariability: 0.3,
    },
  ]);
  expect(shift).toMatchObject({ everForgotten: [0, 1], recovered: [0], acquired: [2] });
});

test("a step at which nothing changes has empty lists and no means", () => {
  const { steps } = measureKnowledge(path([{ correct: [1, 0] }, { correct: [1, 0] }, { correct: [1, 0] }]));
  expect(steps).toEqual([
    { t: 0.5, forgotten: [], learned: [] },
    { t: 1, forgotten: [], learned: [] },
  ]);
});

test("a path without guesses, and a cartography of other rows, are errors", () => {
  expect(() => measureKnowledge(path([{ loss: [1] }, { loss: [1] }]))).toThrow('measured with "correct"');
  const other = {
    records: 1,
    confidence: new Float64Array(3),
    variability: new Float64Array(3),
    correctness: new Float64Array(3),
    turns: new Uint32Array(3),
  };
  expect(() => measureKnowledge(path([{ correct: [1] }, { correct: [1] }]), other)).toThrow("of 3 rows, the path of 1");
  expect(() => measureAnswers(path([{ correct: [1] }, { correct: [1] }]))).toThrow(
    '"guess", "confidence" and "correct"',
  );
  const unlabelled = { guess: [1], confidence: [0.5] };
  expect(() => measureAnswers(path([unlabelled, unlabelled]))).toThrow('"guess", "confidence" and "correct"');
});

test("agreement and calibration are shares of the rows", () => {
  const answers = measureAnswers(
    path([
      { guess: [0, 1, 2, 0], confidence: [0.95, 0.95, 0.55, 0.55], correct: [1, 1, 1, 0] },
      { guess: [0, 1, 1, 1], confidence: [0.5, 0.5, 0.5, 0.5], correct: [1, 1, 0, 0] },
    ]),
  );
  expect(answers[0]).toMatchObject({ likeStart: 1, likeEnd: 0.5 });
  expect(answers[1]).toMatchObject({ likeStart: 0.5, likeEnd: 1 });
  expect(answers[0]!.calibrationError).toBeCloseTo((2 * 0.05 + 0.1) / 4, 6);
  expect(answers[1]!.calibrationError).toBeCloseTo(0, 6);
});

test("rows that count nothing do not enter the calibration", () => {
  const { points } = path([
    { guess: [0, 1], confidence: [0.5, 0.5], correct: [1, 0] },
    { guess: [0, 1], confidence: [0.9, 0.9], correct: [1, 0] },
  ]);
  const answers = measureAnswers({ points: points.map((each) => ({ ...each, weights: Float32Array.of(1, 0) })) });
  expect(answers[0]!.calibrationError).toBeCloseTo(0.5, 6);
  expect(answers[1]!.calibrationError).toBeCloseTo(0.1, 6);
});

test("what rows add to the barrier adds up to it", () => {
  const { t, rows } = attributeBarrier(path([{ loss: [1, 2, 1] }, { loss: [2, 2, 4] }, { loss: [1, 2, 3] }]));
  expect(t).toBe(0.5);
  expect([...rows]).toEqual([1, 0, 2]);
});
