import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { rdmOf } from "../rdm/rdm.ts";
import { symmetricEigen } from "./eigen.ts";
import { mapConditions } from "./mds.ts";
import { alignPoints } from "./procrustes.ts";

const patterns = [
  [1, 2, 0, 1],
  [2, 1, 1, 0],
  [0, 3, 1, 2],
  [4, 0, 2, 1],
  [3, 1, 0, 5],
];

test("eigenvalues of classical scaling of a worked example", () => {
  const rdm = measureRdm(patterns, { metric: "squared-euclidean" });
  const { eigenvalues } = mapConditions(rdm, { method: "classical" });
  expect(eigenvalues).toBeAllClose([16.386461, 14.940289, 1.453009, 0.02024, 0], { absolute: 6e-7 });
});

test("eigenvectors are those of the matrix", () => {
  const raw = Array.from({ length: 6 }, (_, i) => [...random(1).at(i).normals(6)]);
  const matrix = raw.map((row, i) => row.map((value, j) => value + raw[j]![i]!));
  const { values, vectors } = symmetricEigen(matrix);
  vectors.forEach((vector, k) => {
    const product = matrix.map((row) => row.reduce((sum, value, j) => sum + value * vector[j]!, 0));
    expect(product).toBeAllClose(
      vector.map((value) => value * values[k]!),
      { absolute: 1e-12 },
    );
  });
  expect([...values]).toEqual([...values].sort((a, b) => b - a));
});

const plane = Array.from({ length: 8 }, (_, i) => random(2).at(i).normals(2));

test.each(["classical", "smacof", "sammon"] as const)("%s finds a plane again", (method) => {
  const rdm = measureRdm(plane, { metric: "euclidean" });
  const { points, stress } = mapConditions(rdm, { method });
  expect(stress).toBeLessThan(1e-6);
  expect(alignPoints(points, plane).disparity).toBeLessThan(1e-10);
  expect(alignPoints(points, plane).points).toBeAllClose(
    plane.map((point) => [...point]),
    { absolute: 1e-5 },
  );
});

test("smacof's map has less stress than classical scaling, and Sammon's less of its own", () => {
  const rdm = measureRdm(
    Array.from({ length: 12 }, (_, i) => random(3).at(i).normals(6)),
    { metric: "euclidean" },
  );
  const [classical, smacof] = (["classical", "smacof"] as const).map((method) => mapConditions(rdm, { method }).stress);
  expect(smacof).toBeLessThan(classical!);
  expect(mapConditions(rdm, { method: "sammon" }).stress).toBeLessThan(
    mapConditions(rdm, { method: "sammon", steps: 1 }).stress,
  );
});

test("alignment undoes a turn, a reflection, a scale and a shift", () => {
  const moved = plane.map(([x, y]) => [5 - 2 * (0.6 * x! - 0.8 * y!), 1 + 2 * (0.8 * x! + 0.6 * y!)]);
  expect(alignPoints(moved, plane).points).toBeAllClose(
    plane.map((point) => [...point]),
    { absolute: 1e-10 },
  );
  const line = plane.map(([x]) => [x!, 0]);
  expect(alignPoints(line, line).disparity).toBeCloseTo(0, 12);
  expect(() => alignPoints(plane, plane.slice(1))).toThrow("two maps of the same points");
});

test("what has no map is an error", () => {
  expect(() => mapConditions(rdmOf(["a", "b", "c"], [1, 2, Number.NaN]))).toThrow("unknown pairs");
  expect(() => mapConditions(rdmOf(["a", "b", "c"], [1, 2, 2]), { dimensions: 3 })).toThrow("from 1 to 2");
});
