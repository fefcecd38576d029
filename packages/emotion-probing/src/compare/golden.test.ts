import { expect, test } from "vitest";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { rdmOf } from "../rdm/rdm.ts";
import { linearCka } from "./cka.ts";
import { compareRdms } from "./compare-rdms.ts";
import type { Similarity } from "./methods.ts";

const patterns = [
  [1, 2, 0, 1],
  [2, 1, 1, 0],
  [0, 3, 1, 2],
  [4, 0, 2, 1],
  [3, 1, 0, 5],
];
const model = rdmOf(["0", "1", "2", "3", "4"], [1, 1, 2, 3, 1, 2, 3, 2, 3, 2]);
const squared = measureRdm(patterns, { metric: "squared-euclidean" });
const correlation = measureRdm(patterns);
/** The expected numbers are given to six decimals. */
const close = { absolute: 6e-7, relative: 0 };

test("distances of a worked example", () => {
  expect([...squared.values]).toEqual([4, 4, 17, 21, 12, 7, 27, 27, 23, 22]);
  expect(correlation.values).toBeAllClose(
    [1, 0.367544, 1.478091, 0.815885, 1.632456, 0.282863, 1.36823, 1.982708, 1.058222, 0.88997],
    close,
  );
  expect(measureRdm(patterns, { metric: "cosine" }).values).toBeAllClose(
    [0.333333, 0.127128, 0.554565, 0.309934, 0.563564, 0.109129, 0.516954, 0.766715, 0.41272, 0.372946],
    close,
  );
});

test.each<[Similarity, number, number]>([
  ["cosine", 0.954699, 0.853227],
  ["pearson", 0.767251, 0.061159],
  ["spearman", 0.746156, 0],
  ["tau-a", 0.533333, -0.022222],
  ["tau-b", 0.637118, -0.02595],
  ["whitened-cosine", 0.870721, 0.633537],
  ["whitened-correlation", 0.68591, 0.122524],
])("%s of a worked example", (method, ofSquared, ofCorrelation) => {
  expect(compareRdms(squared, model, { method })).toBeAllClose(ofSquared, close);
  expect(compareRdms(correlation, model, { method })).toBeAllClose(ofCorrelation, close);
});

test("rho-a of a worked example", () => {
  expect(compareRdms(squared, model, { method: "rho-a" })).toBeAllClose(0.7, close);
});

test("linear CKA with the first two columns", () => {
  const firstTwo = patterns.map((pattern) => pattern.slice(0, 2));
  expect(linearCka(patterns, firstTwo)).toBeAllClose(0.707208, close);
});

test("the overlap of active channels", () => {
  const { values } = measureRdm(
    [
      [1, 0, 1, 1, 0],
      [1, 1, 0, 1, 0],
    ],
    { metric: "overlap" },
  );
  expect(1 - values[0]!).toBeAllClose(2 / 3);
});
