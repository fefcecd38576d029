import { random } from "@cambium/core";
import type { Figure } from "@cambium/report";
import { expect, test } from "vitest";
import { mapConditions } from "../maps/mds.ts";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { rdmOf } from "../rdm/rdm.ts";
import { plotGrid } from "./plot-grid.ts";
import { plotLayers, plotStaircase } from "./plot-layers.ts";
import { plotMap } from "./plot-map.ts";
import { plotModels } from "./plot-models.ts";
import { plotRdm } from "./plot-rdm.ts";

const conditions = ["joy", "love", "fear", "anger", "grief"];
const rdm = measureRdm(
  conditions.map((_, i) => random(1).at(i).normals(4)),
  { conditions },
);
const unit = (layer: number, index: number) => ({ layer, unit: index });

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

test("what cannot be drawn is an error", () => {
  expect(() => plotRdm(rdm, { colors: "jet" as never })).toThrow('no colour map "jet"');
  expect(() => plotRdm(rdm, { show: "rank" as never })).toThrow('show must be "raw" or "percentile"');
  expect(() => plotGrid([[1]], { rows: ["a", "b"], columns: ["c"] })).toThrow("2 rows of 1 values");
  expect(() => plotStaircase({ a: [] })).toThrow("at least one neuron");
});
