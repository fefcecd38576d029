import { expect, test } from "vitest";
import { measureLevels } from "./measure-levels.ts";
import { scoreNeurons } from "./score-neurons.ts";

const sites = [{ path: "p", layer: 0, width: 2 }];
const rows = (...list: readonly (readonly [number, number])[]) =>
  new Map([["p", list.map((row) => Float32Array.from(row))]]);

test.each([
  ["mean", [3, 1]],
  ["median", [2, 0.5]],
  ["layer-median", [1, 1]], // of 0, 0, 1, 1, 1, 3, 3, 7
] as const)("neurons rest at their %s, by hand", (statistic, expected) => {
  const levels = measureLevels(sites, rows([1, 0], [1, 3], [3, 0], [7, 1]), { statistic });
  expect(levels.method).toBe(statistic);
  expect([...levels.values.get("p")!]).toEqual(expected);
});

test("an odd number of examples has its median in the middle", () => {
  expect([...measureLevels(sites, rows([5, 9], [1, 2], [3, 4]), { statistic: "median" }).values.get("p")!]).toEqual([
    3, 4,
  ]);
});

test("levels of nothing, or of what is no number, are errors", () => {
  expect(() => measureLevels(sites, new Map())).toThrow("at least one site and example");
  expect(() => measureLevels(sites, rows([1, Number.NaN]))).toThrow("unit 1 of p is NaN in example 0");
  expect(() => measureLevels(sites, rows([1, 2]), { statistic: "mode" as never })).toThrow('got "mode"');
});

test("skill is judged beside a baseline of other examples, as training's means are", () => {
  const labels = ["x", "x", "y", "y"];
  // Above their own mean, 2.5, are the last two of the first neuron; above the baseline, 1.5, are three.
  const judged = rows([1, 0], [2, 0], [3, 1], [4, 1]);
  const baseline = measureLevels(sites, rows([1, 5], [2, 5])).values;
  const score = (method: "skill" | "balanced-skill", own: boolean) => [
    ...scoreNeurons(sites, judged, labels, { method, target: "y", ...(!own && { baseline }) }).values.get("p")!,
  ];
  expect(score("skill", true)).toEqual([1, 1]);
  expect(score("skill", false)).toEqual([0.75, 0.5]);
  expect(score("balanced-skill", false)).toEqual([0.75, 0.5]);
  const wrong = (options: object) => () =>
    scoreNeurons(sites, judged, labels, { method: "skill", target: "y", ...options });
  expect(wrong({ method: "difference", baseline })).toThrow("baseline is for skill and balanced-skill");
  expect(wrong({ baseline: new Map([["p", Float32Array.of(1)]]) })).toThrow("the baseline needs 2 finite values of p");
  expect(wrong({ baseline: new Map() })).toThrow("got none");
});
