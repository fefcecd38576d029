import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { measureProbes } from "./probe.ts";
import type { NeuronScores } from "./scores.ts";
import { selectSharedUnits } from "./shared-units.ts";

const site = (path: string, width: number, layer = 0) => ({ path, layer, width });

/** Two classes; the unit 2 of the first site tells them apart, the second site is noise. */
function rows(count: number, width: number) {
  const labels = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? "joy" : "fear"));
  const noise = (path: string) => labels.map((_, i) => Float32Array.from(random(1).at(path).at(i).normals(width)));
  const told = noise("told");
  told.forEach((row, i) => {
    row[2] = (labels[i] === "joy" ? 2 : -2) + 0.3 * row[2]!;
  });
  return {
    labels,
    activations: new Map([
      ["told", told],
      ["noise", noise("noise")],
    ]),
  };
}

test.each([
  ["more examples than units", 60, 5],
  ["more units than examples", 24, 40],
])("a probe reads what is there, and nothing from noise: %s", (_, count, width) => {
  const { labels, activations } = rows(count, width);
  const sites = [site("told", width), site("noise", width, 1)];
  const found = measureProbes(sites, activations, labels, { folds: 4, random: random(3) });
  const [told, noise] = found.sites;
  expect(told!.accuracy).toBeGreaterThan(0.9);
  expect(told!.selectivity).toBeGreaterThan(0.25);
  // Half right by chance: 0.5 ± 5 deviations.
  expect(Math.abs(noise!.accuracy - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / count));
  expect(found.majority).toBe(0.5);
  const weights = found.scores.values.get("told")!;
  expect(weights.indexOf(Math.max(...weights))).toBe(2);
});

test("weights are those of ridge regression, whichever space it is solved in", () => {
  const { labels, activations } = rows(12, 12);
  const told = activations.get("told")!;
  const wide = new Map([["told", told.map((row) => Float32Array.from([...row, 7]))]]); // a constant unit makes it 13 wide: the other space
  const options = { folds: 3, random: random(1), penalty: 0.5 };
  const narrow = measureProbes([site("told", 12)], activations, labels, options).scores.values.get("told")!;
  const other = measureProbes([site("told", 13)], wide, labels, options).scores.values.get("told")!;
  expect(other.slice(0, 12)).toBeAllClose([...narrow], { relative: 1e-5, absolute: 1e-6 });
  expect(other[12]).toBe(0);
});

test("what cannot be probed is an error", () => {
  const { labels, activations } = rows(8, 3);
  const sites = [site("told", 3)];
  expect(() =>
    measureProbes(
      sites,
      activations,
      labels.map(() => "joy"),
      { random: random(1) },
    ),
  ).toThrow("got 1 classes");
  expect(() => measureProbes(sites, activations, labels, { random: random(1), folds: 9 })).toThrow("and 9");
  expect(() => measureProbes([site("told", 4)], activations, labels, { random: random(1) })).toThrow("must be [8][4]");
});

/** Scores of one site by unit. */
const scores = (...list: number[]): NeuronScores => ({
  method: "attribution",
  sites: [site("a", list.length)],
  values: new Map([["a", Float32Array.from(list)]]),
});
const units = (found: { readonly units: readonly { readonly unit: number }[] }) => found.units.map(({ unit }) => unit);

test("shared neurons are those above a share of the greatest score in most lists", () => {
  const lists = [scores(10, 3, 0.5, 0), scores(8, 0, 4, 0), scores(1, 0.5, 0, 0), scores(5, 2, 0.1, -9)];
  // Above 0.2 of the greatest: unit 0 in all four, 1 in three, 2 in one.
  expect(selectSharedUnits(lists)).toMatchObject({ share: 0.7 });
  expect(units(selectSharedUnits(lists))).toEqual([0, 1]);
  expect(units(selectSharedUnits(lists, { least: 1, most: 1 }))).toEqual([0]); // the share rises to above three quarters
  expect(units(selectSharedUnits(lists, { least: 3 }))).toEqual([0, 1, 2]); // and falls to a quarter
  expect(units(selectSharedUnits(lists, { least: 4, most: 9 }))).toEqual([0, 1, 2]); // there are no more
  expect(units(selectSharedUnits(lists, { threshold: 0.6, least: 1 }))).toEqual([0]);
  expect(() => selectSharedUnits([])).toThrow("at least one list");
});

test("a neuron without a score is no shared one, and does not hide the others", () => {
  expect(units(selectSharedUnits([scores(10, Number.NaN, 3, 0)], { least: 1 }))).toEqual([0, 2]);
});

test("neurons of two sites of a layer are told apart, and lists of other sites are an error", () => {
  const both = (...list: number[]): NeuronScores => ({
    method: "attribution",
    sites: [site("gate", 2), site("act", 2)],
    values: new Map([
      ["gate", Float32Array.from(list.slice(0, 2))],
      ["act", Float32Array.from(list.slice(2))],
    ]),
  });
  const { units: found } = selectSharedUnits([both(9, 0, 8, 0), both(9, 0, 0, 8)]);
  expect(found.map(({ site: path, unit }) => [path, unit])).toEqual([
    ["gate", 0],
    ["act", 0],
    ["act", 1],
  ]); // at half of the lists
  expect(() => selectSharedUnits([scores(1, 2), both(1, 2, 3, 4)])).toThrow("list 1 is of other sites than the first");
});
