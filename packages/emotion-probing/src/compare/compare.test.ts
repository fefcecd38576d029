import { random } from "@cambium/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pairCount, pairsOf, rdmOf } from "../rdm/rdm.ts";
import { linearCka } from "./cka.ts";
import { compareRdms } from "./compare-rdms.ts";
import { kendallWith } from "./kendall.ts";
import { crossValidateWeightedModel, fitWeightedModel } from "./weighted-model.ts";
import { whiten, whitenSome } from "./whitening.ts";

const list = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 40 });

test("fast tau counts what looking at every pair counts, with ties", () => {
  fc.assert(
    fc.property(list, list, (left, right) => {
      const n = Math.min(left.length, right.length);
      const [a, b] = [left.slice(0, n), right.slice(0, n)];
      let [score, tiesA, tiesB] = [0, 0, 0];
      for (let i = 0; i < n; i++) {
        for (let j = i + 1; j < n; j++) {
          score += Math.sign(a[i]! - a[j]!) * Math.sign(b[i]! - b[j]!);
          if (a[i] === a[j]) tiesA++;
          if (b[i] === b[j]) tiesB++;
        }
      }
      expect(kendallWith(a)(b)).toEqual({ score: score + 0, pairs: (n * (n - 1)) / 2, tiesA, tiesB });
    }),
    { seed: 1, numRuns: 300 },
  );
});

test.each([2, 3, 4, 7])("whitening undoes the covariance of the pairs of %i conditions", (count) => {
  const pairs = [...pairsOf(count)];
  const x = random(count).normals(pairs.length);
  const product = pairs.map(([i, j], a) =>
    pairs.reduce((sum, [k, l], b) => {
      const shared = Number(i === k || i === l) + Number(j === k || j === l);
      return sum + (a === b ? 4 : shared) * x[b]!;
    }, 0),
  );
  expect(whiten(Float64Array.from(product), count)).toBeAllClose(x, { absolute: 1e-12 });
});

test("whitening some pairs is the dense solution, which agrees with the closed form where none is missing", () => {
  const x = random(1).normals(pairCount(6));
  const some = Uint32Array.from(x.keys()).filter((i) => i !== 4);
  const solve = whitenSome(x, 6, some);
  expect(solve(x.slice(0, some.length)).length).toBe(14);
  const all = whitenSome(x, 6, Uint32Array.from(x.keys()));
  expect(all(x)).toEqual(whiten(x, 6));
});

test("CKA does not depend on rotation, shift and scale, and is 1 of patterns with themselves", () => {
  const x = Array.from({ length: 6 }, (_, i) => [...random(7).at(i).normals(2)]);
  const y = x.map(([a, b]) => [3 * (0.6 * a! - 0.8 * b!) + 5, 3 * (0.8 * a! + 0.6 * b!) - 1]);
  expect(linearCka(x, x)).toBeCloseTo(1, 12);
  expect(linearCka(x, y)).toBeCloseTo(1, 12);
});

test("given an RDM, its own part is gone", () => {
  const names = ["a", "b", "c", "d", "e"];
  const [x, noise, other] = [1, 2, 3].map((seed) => random(seed).normals(10));
  const sum = rdmOf(
    names,
    x!.map((value, i) => value + 0.1 * noise![i]!),
  );
  const [cause, unrelated] = [rdmOf(names, x!), rdmOf(names, other!)];
  const options = { method: "pearson", given: [cause] } as const;
  const rest = compareRdms(sum, rdmOf(names, noise!), options);
  expect(rest).toBeCloseTo(1, 10);
  expect(Math.abs(compareRdms(cause, unrelated, options))).toBeNaN();
  expect(() => compareRdms(sum, cause, { method: "tau-a", given: [unrelated] })).toThrow(
    "given is for pearson and spearman",
  );
  expect(() => compareRdms(sum, cause, { outOf: "second" })).toThrow("given is empty");
});

test("weights of a sum are found, whatever the scale of its parts, and copies do no harm", () => {
  const names = Array.from({ length: 8 }, (_, i) => `${i}`);
  const parts = [1, 2, 3].map((seed) => rdmOf(names, random(seed).uniforms(28)));
  const data = rdmOf(
    names,
    parts[0]!.values.map((value, i) => 4 + 2 * value + 30 * parts[2]!.values[i]!),
  );
  const { weights, intercept, rdm } = fitWeightedModel(data, parts);
  expect(weights).toBeAllClose([2, 0, 30], { absolute: 1e-6 });
  expect(intercept).toBeCloseTo(4, 6);
  expect(rdm.values).toBeAllClose(data.values, { absolute: 1e-6 });
  const twice = fitWeightedModel(data, [...parts, parts[0]!]).rdm.values;
  expect(twice).toBeAllClose(data.values, { absolute: 1e-4 });
  const ridge = fitWeightedModel(data, parts, { fit: "ridge", penalty: 0 });
  expect(ridge.weights).toBeAllClose([2, 0, 30], { absolute: 1e-6 });
});

test("a weighted model predicts held-out conditions of its own kind, and nothing of noise", () => {
  const names = Array.from({ length: 16 }, (_, i) => `${i}`);
  const rdm = (seed: number): ReturnType<typeof rdmOf> => rdmOf(names, random(seed).uniforms(120));
  const parts = [rdm(1), rdm(2)];
  const mix = (seed: number) =>
    rdmOf(
      names,
      parts[0]!.values.map((value, i) => value + 0.3 * random(seed).uniforms(120)[i]!),
    );
  const subjects = [mix(10), mix(11), mix(12), mix(13)];
  const found = crossValidateWeightedModel(subjects, parts, { random: random(5) });
  expect(found.similarity).toBeGreaterThan(0.8);
  expect(found.subjects.length).toBe(4);
  const noise = crossValidateWeightedModel([rdm(20), rdm(21), rdm(22)], parts, { random: random(5) });
  expect(Math.abs(noise.similarity)).toBeLessThan(0.4);
});

test("nothing is fitted to nothing, and a name of every object is no method", () => {
  const names = ["a", "b", "c"];
  const data = rdmOf(names, [1, 2, 3]);
  expect(() => fitWeightedModel(data, [])).toThrow("at least one part is needed");
  expect(() => fitWeightedModel(data, [rdmOf(names, [1, Number.NaN, 2])])).toThrow("only 2 pairs are known");
  expect(() => compareRdms(data, data, { method: "constructor" as never })).toThrow('no method "constructor"');
  expect(() => linearCka([[1, 2], [3]], [[1], [2]])).toThrow("pattern 1 has 1 channels");
});
