import { expect, test } from "vitest";
import { plotLandscape } from "./plot-landscape.ts";
import { plotPath } from "./plot-path.ts";

const path = { ts: [0, 0.5, 1], losses: [0.1, 0.9, 0.2], accuracies: [0.9, 0.5, 0.8] };

test("a path is drawn by its losses or by its accuracies", () => {
  const svg = plotPath({ line: path, bezier: { ...path, losses: [0.1, 0.15, 0.2] } }).svg();
  expect(svg).toContain("loss (nats)");
  expect(svg).toContain("bezier");
  expect(plotPath({ line: path }, { show: "accuracy" }).svg()).toContain("accuracy (%)");
  expect(() => plotPath({ line: { ts: [0, 1], losses: [1, 2] } }, { show: "accuracy" })).toThrow("no points");
  expect(() => plotPath({ line: path }, { show: "losses" as never })).toThrow('show must be "loss" or "accuracy"');
  expect(() => plotPath({ line: path }, { shwo: "loss" } as never)).toThrow('"show" meant');
});

test("a landscape is a curve in one dimension and contours in two, with what is marked in it", () => {
  const xs = [-1, 0, 1];
  expect(plotLandscape({ xs, ys: [0], losses: [[1, 0, 1]] }).svg()).toContain("step along the direction");
  const grid = {
    xs,
    ys: [-1, 0, 1],
    losses: xs.map((y) => xs.map((x) => (x === 1 && y === 1 ? Number.POSITIVE_INFINITY : x * x + y * y))),
  };
  const marks = [
    { name: "start", points: [{ x: 0, y: 0 }] },
    {
      name: "curve",
      points: [
        { x: -1, y: 0 },
        { x: 1, y: 0 },
      ],
    },
  ];
  const svg = plotLandscape(grid, { marks }).svg();
  expect(svg).toContain(">start<");
  expect(svg.match(/<path /g)!.length).toBeGreaterThan(5);
  expect(plotLandscape(grid, { marks }).svg()).toBe(svg);
  expect(() => plotLandscape({ xs, ys: [0], losses: [[1, 0, 1]] }, { marks })).toThrow("a line takes no marks");
  expect(() => plotLandscape({ xs: [0], ys: [0], losses: [[Number.POSITIVE_INFINITY]] })).toThrow("no loss is finite");
});
