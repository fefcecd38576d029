import { disposeParameters, type Parameters } from "@cambium/core";
import { type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { projectPoint } from "./plane.ts";
import { trajectoryPlane } from "./trajectory.ts";

const point = (u: readonly number[]): Parameters =>
  new Map<string, Tensor>([
    ["a", tensor2d([...u.slice(0, 2)], [1, 2])],
    ["b", tensor1d([...u.slice(2)])],
    ["ids", tensor1d([7], "int32")],
  ]);
const values = (tree: Parameters): number[] => [...tree.values()].flatMap((tensor) => [...tensor.dataSync()]);

test("the axes are those along which the points differ most, with their shares of the variance", async () => {
  // Along the first axis 4, −4 and twice 0, along the second 1 and −1, of which the mean is the last point.
  const points = [
    [4, 0, 0],
    [-4, 0, 0],
    [0, 1, 0],
    [0, -1, 0],
    [0, 0, 0],
  ].map((u) => point([...u, 5]));
  const seen = await trajectoryPlane(points);
  expect(seen.explained[0]).toBeCloseTo(32 / 34, 6);
  expect(seen.explained[1]).toBeCloseTo(2 / 34, 6);
  expect(values(seen.across).map(Math.abs)).toBeAllClose([1, 0, 0, 0], { absolute: 1e-6 });
  expect(values(seen.up).map(Math.abs)).toBeAllClose([0, 1, 0, 0], { absolute: 1e-6 });
  expect(seen.points.map(({ x }) => x)).toBeAllClose([4, -4, 0, 0, 0], { absolute: 1e-6 });
  expect(seen.points.map(({ distance }) => distance)).toBeAllClose([0, 0, 0, 0, 0], { absolute: 1e-3 });
  for (const tree of [...points, seen.across, seen.up]) disposeParameters(tree);
});

test("its coordinates are those that projections have, and what lies outside is the distance", async () => {
  const at = [
    [3, 1, 0.5, -2],
    [2, -1, 0.2, 0],
    [1, 2, -0.4, 1],
    [0.5, 0.1, 0.3, 0.4],
  ];
  const points = at.map(point);
  const seen = await trajectoryPlane(points);
  expect(seen.points[0]!.x).toBeGreaterThan(0);
  for (const [i, each] of points.entries()) {
    const found = await projectPoint(seen, each);
    const { x, y, distance } = seen.points[i]!;
    expect([x, y, distance]).toBeAllClose([found.x, found.y, found.distance], { absolute: 2e-4 });
    const nearest = seen.at(x, y);
    const rest = Math.hypot(...values(nearest).map((value, k) => value - values(each)[k]!));
    expect(rest).toBeCloseTo(distance, 3);
    disposeParameters(nearest);
  }
  const [p, q] = [values(seen.across), values(seen.up)];
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  expect([dot(p, p), dot(q, q), dot(p, q)]).toBeAllClose([1, 1, 0], { absolute: 1e-5 });
  expect(seen.explained[0] + seen.explained[1]).toBeLessThanOrEqual(1 + 1e-9);
  for (const tree of [...points, seen.across, seen.up]) disposeParameters(tree);
});

test("points on one line, too few of them and points of another model are errors", async () => {
  const line = [0, 1, 2, 5].map((x) => point([x, 2 * x, 0, 0]));
  await expect(trajectoryPlane(line)).rejects.toThrow("the points lie on one line");
  await expect(trajectoryPlane([line[0]!, line[0]!, line[0]!])).rejects.toThrow("the points lie on one line");
  await expect(trajectoryPlane(line.slice(2))).rejects.toThrow("at least 3 points are needed, got 2");
  const other = point([1, 2, 3, 4, 5]);
  await expect(trajectoryPlane([...line, other])).rejects.toMatchObject({ code: "SHAPE" });
  for (const tree of [...line, other]) disposeParameters(tree);
});
