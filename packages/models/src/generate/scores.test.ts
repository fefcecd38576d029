import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { bestOf, filter, idAt, logSumExp, penalise, type Sampling, topIds } from "./scores.ts";

const none = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, noRepeatNgram: 0 };
const all: Sampling = { temperature: 1, topK: undefined, topP: 1, minP: 0 };

function probabilities(scores: Float32Array): number[] {
  const total = logSumExp(scores, Math.max(...scores));
  return Array.from(scores, (score) => Math.exp(score - total));
}

test("a repetition divides scores above 0 and multiplies those below, once for each id", () => {
  const scores = Float32Array.of(2, -2, 0, 4);
  penalise(scores, [0, 1, 1, 2], 4, { ...none, repetitionPenalty: 2 });
  expect([...scores]).toEqual([1, -4, 0, 4]);
});

test("a penalty however near 0 leaves scores finite, and what was ruled out ruled out", () => {
  const scores = Float32Array.of(2, -2, 0, Number.NEGATIVE_INFINITY);
  penalise(scores, [0, 1, 2, 3], 4, { ...none, repetitionPenalty: 1e-300 });
  expect(scores[0]).toBeGreaterThan(3e38);
  expect(bestOf("test", scores, 0).id).toBe(0);
  expect([scores[2], scores[3]]).toEqual([0, Number.NEGATIVE_INFINITY]);
});

test("presence counts once and frequency each time, of what was generated alone", () => {
  const scores = new Float32Array(4);
  penalise(scores, [0, 1, 1, 2, 1], 2, { ...none, presencePenalty: 0.5, frequencyPenalty: 0.25 });
  expect([...scores]).toEqual([0, -1, -0.75, 0]);
});

test.each([
  [1, [3, 0, 3], [0, 3]],
  [2, [1, 2, 0, 1], [2]],
  [2, [1, 2, 1, 3, 1], [2, 3]],
  [3, [0, 1, 2, 0, 1], [2]],
  [3, [0, 1], []],
  [2, [1], []],
])("no %i ids occur twice: behind %j not %j", (noRepeatNgram, ids, banned) => {
  const scores = new Float32Array(4);
  penalise(scores, ids, ids.length, { ...none, noRepeatNgram });
  expect([...scores.keys()].filter((id) => scores[id] === Number.NEGATIVE_INFINITY)).toEqual(banned);
});

test("filters keep what they say, and always the best", () => {
  const logits = [0.5, 0.25, 0.125, 0.125].map(Math.log);
  const kept = (sampling: Partial<Sampling>): number[] => {
    const scores = Float32Array.from(logits);
    filter(scores, { ...all, ...sampling });
    return [...scores.keys()].filter((id) => scores[id]! > Number.NEGATIVE_INFINITY);
  };
  expect(kept({ topK: 2 })).toEqual([0, 1]);
  expect(kept({ topK: 3 })).toEqual([0, 1, 2, 3]); // two share the third place
  expect(kept({ topP: 0.4 })).toEqual([0]);
  expect(kept({ topP: 0.6 })).toEqual([0, 1]);
  expect(kept({ topP: 1e-9 })).toEqual([0]);
  expect(kept({ minP: 0.3 })).toEqual([0, 1]);
  expect(kept({ minP: 1 })).toEqual([0]);
  expect(kept({ topK: 3, topP: 0.8, minP: 0.4 })).toEqual([0, 1]);
});

test("the best ids of many are found without sorting all of them", () => {
  const scores = Float32Array.from(random(3).normals(20_000), (value) => 40 * value);
  const sorted = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  expect(topIds(scores, 7)).toEqual(sorted.slice(0, 7));
  expect(topIds(scores, 19_999)).toEqual(sorted.slice(0, 19_999));
  expect(topIds(Float32Array.of(1, Number.NEGATIVE_INFINITY, 2), 3)).toEqual([2, 0]);
});

test("draws follow the distribution", () => {
  const scores = Float32Array.of(1, 0, -1, 0.5, Number.NEGATIVE_INFINITY);
  filter(scores, { ...all, temperature: 0.7 });
  const expected = probabilities(scores);
  const draws = 20_000;
  const counts = expected.map(() => 0);
  for (const place of random(9).uniforms(draws)) counts[idAt(scores, place)]!++;
  expect(counts[4]).toBe(0);
  const chiSquare = counts
    .slice(0, 4)
    .reduce((sum, count, id) => sum + (count - draws * expected[id]!) ** 2 / (draws * expected[id]!), 0);
  expect(chiSquare).toBeLessThan(30.7); // three degrees of freedom: above it once in a million
});

test("every place of [0, 1) has an id, and the same place the same", () => {
  const scores = Float32Array.of(0, Math.log(3));
  expect([0, 0.2499, 0.2501, 1 - 1e-16].map((place) => idAt(scores, place))).toEqual([0, 0, 1, 1]);
});

test.each([
  [[0, Number.NaN], "the score of token 1 is NaN"],
  [[Number.POSITIVE_INFINITY, 0], "the score of token 0 is Infinity"],
  [[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], "every token is ruled out"],
])("scores of %j are an error that names the step", (scores, message) => {
  expect(() => bestOf("generate", Float32Array.from(scores), 3)).toThrow(`generate: at step 3 ${message}`);
});

test.each([1e-40, 5e-324, 1e-6])("a temperature of %f takes the likeliest, whatever the scores", (temperature) => {
  for (const values of [
    [1, 3, 2],
    [-1, -3, -2],
    [0, 0.5, 1],
    [-1e30, 2, 1e30],
  ]) {
    const scores = Float32Array.from([...values, Number.NEGATIVE_INFINITY]);
    const best = values.indexOf(Math.max(...values));
    filter(scores, { ...all, temperature, topK: 2, topP: 0.9, minP: 0.1 });
    expect([idAt(scores, 0), idAt(scores, 0.999)]).toEqual([best, best]);
  }
});
