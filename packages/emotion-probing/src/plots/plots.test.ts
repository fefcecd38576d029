import { random } from "@cambium/core";
import type { Figure } from "@cambium/report";
import { expect, test } from "vitest";
import { mapConditions } from "../maps/mds.ts";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { rdmOf } from "../rdm/rdm.ts";
import { plotDendrogram } from "./plot-dendrogram.ts";
import { plotGrid } from "./plot-grid.ts";
import { plotGroups } from "./plot-groups.ts";
import { plotLayers, plotStaircase } from "./plot-layers.ts";
import { plotMap } from "./plot-map.ts";
import { plotModels } from "./plot-models.ts";
import { plotRdm } from "./plot-rdm.ts";
import { plotRidges } from "./plot-ridges.ts";
import { plotScatter } from "./plot-scatter.ts";
import { plotStrip } from "./plot-strip.ts";

const conditions = ["joy", "love", "fear", "anger", "grief"];
const rdm = measureRdm(
  conditions.map((_, i) => random(1).at(i).normals(4)),
  { conditions },
);
const unit = (layer: number, index: number) => ({ layer, unit: index });

const points = [
  { name: "a", x: 0, y: 1 },
  { name: "b", x: 1, y: 3 },
  { name: "c", x: 2, y: 4 },
];

const figures: Readonly<Record<string, () => Figure>> = {
  "an RDM": () => plotRdm(rdm),
  "distances as they are": () => plotRdm(rdm, { show: "raw", colors: "magma", width: 500 }),
  "a map": () => plotMap(mapConditions(rdm), { groups: ["good", "good", "bad", "bad", "bad"] }),
  models: () =>
    plotModels(
      [
        { name: "valence", similarity: 0.4, low: 0.1, high: 0.6, p: 0.004 },
        { name: "arousal", similarity: -0.1, p: 0.6 },
      ],
      { ceiling: { lower: 0.5, upper: 0.7 } },
    ),
  "a grid": () =>
    plotGrid(
      [
        [1, 2],
        [3, 4],
      ],
      { rows: ["a", "b"], columns: ["L0", "L1"] },
    ),
  layers: () => plotLayers({ joy: [unit(0, 1), unit(1, 2)], fear: [unit(1, 2)] }, { layers: 2 }),
  "a strip": () =>
    plotStrip({ joy: [{ ...unit(1, 3), value: 0.5 }], fear: [{ ...unit(0, 0), value: 0.2 }] }, { widths: [4, 4] }),
  "a strip of one value": () => plotStrip({ joy: [{ ...unit(1, 3), value: 0.5 }], fear: [] }, { widths: [4, 4] }),
  groups: () =>
    plotGroups(
      [
        [1, 2],
        [3, -4],
      ],
      { groups: ["joy", "fear"], series: ["intact", "ablated"], label: "accuracy (%)", rule: 2 },
    ),
  "a scatter": () => plotScatter(points, { x: "weight", y: "drop (points)" }),
  "a scatter without a line": () => plotScatter(points.slice(0, 2), { x: "weight", y: "drop", names: false }),
  "a dendrogram": () => plotDendrogram(rdm),
  ridges: () => plotRidges({ joy: [1, 2, 3, 2], fear: [4, 4, 4] }, { label: "drop (points)", marks: { joy: 4 } }),
  "a staircase": () => plotStaircase({ joy: [unit(0, 1), unit(1, 2)], fear: [unit(1, 2), unit(1, 3)] }),
};

test.each(Object.entries(figures))(
  "%s is one SVG, without numbers that are none, and the same for the same data",
  (_, draw) => {
    const svg = draw().svg();
    expect(svg).toMatch(/^<svg [^>]*role="img"/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(draw().svg()).toBe(svg);
  },
);

test("figures bring the numbers that they show", () => {
  const { data } = plotRdm(rdm);
  expect(data.find(({ row, column }) => row === "joy" && column === "love")!.value).toBe(rdm.values[0]);
  const staircase = plotStaircase({ joy: [unit(0, 1), unit(1, 2)], fear: [unit(1, 2), unit(1, 3)] }).data;
  expect(staircase).toEqual([
    { set: "joy", neuron: 0, rank: 1 },
    { set: "joy", neuron: 1, rank: 2 },
    { set: "fear", neuron: 1, rank: 1 },
    { set: "fear", neuron: 2, rank: 2 },
  ]);
  const counts = plotLayers({ joy: [unit(0, 1), unit(1, 2)] }, { layers: 3 }).data;
  expect(counts.map(({ count }) => count)).toEqual([1, 1, 0]);
});

test("a heat map leaves unknown pairs blank, and marks far and near by the ends of the colours", () => {
  const gaps = rdmOf(["a", "b", "c"], [1, Number.NaN, 3]);
  const cells = (svg: string): number => [...svg.matchAll(/<rect /g)].length;
  expect(cells(plotRdm(rdmOf(["a", "b", "c"], [1, 2, 3])).svg()) - cells(plotRdm(gaps).svg())).toBe(2);
});

test("a dendrogram joins what is near first, at the linkage's distance", () => {
  const four = rdmOf(["a", "b", "c", "d"], [1, 5, 6, 7, 8, 2]); // ab, ac, ad, bc, bd, cd
  const distances = (linkage: "average" | "complete" | "single") =>
    plotDendrogram(four, { linkage }).data.map(({ distance }) => distance);
  expect(distances("average")).toEqual([1, 2, 6.5]);
  expect(distances("complete")).toEqual([1, 2, 8]);
  expect(distances("single")).toEqual([1, 2, 5]);
  expect(plotDendrogram(four).data[2]!.members).toEqual([0, 1, 2, 3]);
});

test("a density has its greatest value where the values are", () => {
  const { data } = plotRidges({ a: [1, 1.1, 0.9, 1, 5] }, { label: "x" });
  const best = data.reduce((one, other) => (other.density > one.density ? other : one));
  expect(best.x).toBeCloseTo(1, 1);
  const step = data[1]!.x - data[0]!.x;
  expect(data.reduce((sum, { density }) => sum + density * step, 0)).toBeGreaterThan(0.9);
});

test("a value that is no number is an error that names it, not a figure with a hole", () => {
  const strip = { a: [{ layer: 0, unit: 1, value: Number.NaN }] };
  expect(() => plotStrip(strip, { widths: [3] })).toThrow('"a, unit 1 of layer 0" is NaN');
  expect(() => plotGroups([[Number.NaN]], { groups: ["a"], series: ["b"], label: "c" })).toThrow('"a, b" is NaN');
  expect(() => plotModels([{ name: "a", similarity: Number.NaN }])).toThrow('"a" is NaN');
  expect(() => plotModels([{ name: "a", similarity: 0, low: 0, high: Number.POSITIVE_INFINITY }])).toThrow("Infinity");
});

test("what cannot be drawn is an error", () => {
  expect(() => plotStrip({ a: [{ layer: 1, unit: 4, value: 1 }] }, { widths: [4, 4] })).toThrow("no unit 4 in layer 1");
  expect(() => plotScatter([{ name: "a", x: 0, y: Number.NaN }], { x: "x", y: "y" })).toThrow(
    'the point "a" is at (0, NaN)',
  );
  expect(() => plotGroups([[1]], { groups: ["a"], series: ["b", "c"], label: "d" })).toThrow("1 groups of 2 values");
  expect(() => plotDendrogram(rdmOf(["a", "b", "c"], [1, Number.NaN, 3]))).toThrow("unknown pairs");
  expect(() => plotDendrogram(rdm, { linkage: "ward" as never })).toThrow("average, complete, single");
  expect(() => plotRidges({ a: [1] }, { label: "x" })).toThrow('"a" is none');
  expect(() => plotRidges({ a: [1, 2] }, { label: "x", marks: { b: 1 } })).toThrow('no list "b" to mark');

  expect(() => plotRdm(rdm, { colors: "jet" as never })).toThrow('no colour map "jet"');
  expect(() => plotRdm(rdm, { show: "rank" as never })).toThrow('show must be "raw" or "percentile"');
  expect(() => plotGrid([[1]], { rows: ["a", "b"], columns: ["c"] })).toThrow("2 rows of 1 values");
  expect(() => plotStaircase({ a: [] })).toThrow("at least one neuron");
});
