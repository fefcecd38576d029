import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { rdmOf } from "../rdm/rdm.ts";
import { adjustP } from "./adjust.ts";
import { measureNoiseCeiling } from "./noise-ceiling.ts";
import { testSimilarity } from "./test-similarity.ts";

test("the exact permutation test of a worked example", () => {
  const patterns = [
    [1, 2, 0, 1],
    [2, 1, 1, 0],
    [0, 3, 1, 2],
    [4, 0, 2, 1],
    [3, 1, 0, 5],
  ];
  const data = measureRdm(patterns, { metric: "squared-euclidean" });
  const model = rdmOf(data.conditions, [1, 1, 2, 3, 1, 2, 3, 2, 3, 2]);
  const [tested] = testSimilarity(data, [model], { random: random(1) });
  expect(tested).toMatchObject({ p: 0.05, pAny: 0.05, permutations: 120, exact: true });
  expect(tested!.similarity).toBeAllClose(0.746156, { absolute: 6e-7 });
});

test("adjusted p values of a worked example", () => {
  const p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
  const close = { absolute: 5e-5, relative: 0 }; // four decimals are given
  expect(adjustP(p, "bh")).toBeAllClose([0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.1057, 0.216, 0.216, 0.216], close);
  expect(adjustP(p, "naive")).toBeAllClose(
    [0.01, 0.04, 0.13, 0.1025, 0.084, 0.1, 0.1057, 0.25625, 0.235556, 0.216],
    close,
  );
});

test("the noise ceiling of three subjects", () => {
  const subjects = [
    [1, 2, 3, 4, 5, 6],
    [2, 1, 3, 4, 6, 5],
    [1, 3, 2, 6, 4, 5],
  ].map((values) => rdmOf(["a", "b", "c", "d"], values));
  const { lower, upper } = measureNoiseCeiling(subjects);
  expect([lower, upper]).toBeAllClose([0.790675, 0.885714], { absolute: 6e-7 });
});
