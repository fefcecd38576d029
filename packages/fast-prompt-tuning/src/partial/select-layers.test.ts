import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { selectLayers } from "./select-layers.ts";

test.each([
  [6, 24, [0, 4, 8, 13, 18, 23]],
  [12, 24, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 23]],
  [18, 24, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 21, 23]],
  [3, 6, [0, 2, 5]],
  [3, 4, [0, 1, 3]],
  [4, 6, [0, 1, 3, 5]],
  [2, 6, [0, 5]],
  [1, 6, [0]],
  [6, 6, [0, 1, 2, 3, 4, 5]],
])("%i of %i layers are spaced as in the paper's program", (count, layers, expected) => {
  expect(selectLayers(count, layers)).toEqual(expected);
});

test("evenly spaced steps differ by at most one, and the first and the last layer are there", () => {
  for (let layers = 2; layers <= 30; layers++) {
    for (let count = 2; count <= layers; count++) {
      const chosen = selectLayers(count, layers);
      const steps = chosen.slice(1).map((layer, i) => layer - chosen[i]!);
      expect([chosen[0], chosen.at(-1), chosen.length]).toEqual([0, layers - 1, count]);
      expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
    }
  }
});

test("nested sets lie within each other", () => {
  for (let count = 1; count < 12; count++) {
    const [small, large] = [count, count + 1].map((k) => selectLayers(k, 12, { strategy: "nested" }));
    expect(small!.every((layer) => large!.includes(layer))).toBe(true);
  }
  expect(selectLayers(3, 5, { strategy: "nested" })).toEqual([0, 2, 4]);
});

test("ends, scores and draws", () => {
  expect(selectLayers(2, 5, { strategy: "first" })).toEqual([0, 1]);
  expect(selectLayers(2, 5, { strategy: "last" })).toEqual([3, 4]);
  expect(selectLayers(2, 4, { strategy: "score", scores: [1, 3, 1, 2] })).toEqual([1, 3]);
  expect(selectLayers(1, 3, { strategy: "score", scores: [2, 2, 2] })).toEqual([0]);
  const draw = (seed: number) => selectLayers(6, 24, { strategy: "random", random: random(seed) });
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(draw(1)).toEqual([...draw(1)].sort((a, b) => a - b));
});

test.each([
  [0, 4, {}],
  [5, 4, {}],
  [1.5, 4, {}],
  [2, 4, { strategy: "score" as const }],
  [2, 4, { strategy: "score" as const, scores: [1, 2, 3] }],
  [2, 4, { scores: [1, 2, 3, 4] }],
  [2, 4, { strategy: "random" as const }],
  [2, 4, { random: random(1) }],
  [2, 4, { strategy: "evenly" as never }],
])("%i of %i with %j is refused", (count, layers, options) => {
  expect(() => selectLayers(count, layers, options)).toThrow(/selectLayers: /);
});
