import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { meanOnSphere } from "./karcher.ts";

const usual = { iterations: 50, tolerance: 1e-9 };
const mean = (values: readonly (readonly number[])[], weights = values.map(() => 1), settings = usual): number[] => [
  ...meanOnSphere({ values: values.map((each) => Float32Array.from(each)), name: "u" }, weights, settings),
];
const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));

test("of two points of one length it lies on their arc, where the weights say", () => {
  const at = (angle: number): number[] => [3 * Math.cos(angle), 3 * Math.sin(angle), 0];
  expect(mean([at(0), at(1)])).toEqual(near(at(0.5)));
  expect(mean([at(0), at(1)], [1, 3])).toEqual(near(at(0.75)));
  expect(mean([at(-1.5), at(0), at(1.5)])).toEqual(near(at(0)));
});

test("its length is the mean length, and points of no length have no say in the direction", () => {
  expect(
    mean([
      [2, 0],
      [0, 4],
    ]),
  ).toEqual(near([3 * Math.SQRT1_2, 3 * Math.SQRT1_2]));
  expect(
    mean([
      [2, 0],
      [0, 0],
    ]),
  ).toEqual(near([1, 0]));
  expect(
    mean([
      [0, 0],
      [0, 0],
    ]),
  ).toEqual([0, 0]);
});

test("equal points are that point to the bit, and the order does not matter", () => {
  const [a, b, c] = [1, 2, 3].map((seed) => [...random(seed).normals(20)]) as [number[], number[], number[]];
  expect(mean([a, a, a])).toEqual([...Float32Array.from(a)]);
  expect(mean([c, a, b])).toEqual(near(mean([a, b, c])));
});

test("the ways to the points add up to nothing at it", () => {
  const points = [4, 5, 6].map((seed) => [...random(seed).normals(5)]);
  const weights = [1, 2, 0.5];
  const unit = (v: readonly number[]): number[] => v.map((value) => value / Math.hypot(...v));
  const m = unit(mean(points, weights));
  const sum = new Array<number>(5).fill(0);
  for (const [k, p] of points.map(unit).entries()) {
    const cosine = p.reduce((all, value, i) => all + value * m[i]!, 0);
    const angle = Math.acos(cosine);
    for (const [i, value] of p.entries()) sum[i]! += (weights[k]! * angle * (value - cosine * m[i]!)) / Math.sin(angle);
  }
  expect(sum).toEqual(near(new Array<number>(5).fill(0)));
});

test("opposite points give one of them, and weights below zero are refused", () => {
  expect(
    mean([
      [1, 0],
      [-1, 0],
    ]).map(Math.abs),
  ).toEqual(near([1, 0]));
  expect(() =>
    mean(
      [
        [1, 0],
        [0, 1],
      ],
      [1, -1],
    ),
  ).toThrow(expect.objectContaining({ code: "CONFIG" }));
  expect(() =>
    mean(
      [
        [1, 0],
        [0, 1],
      ],
      [0, 0],
    ),
  ).toThrow('at "u" the weights of a mean on the sphere are 0, 0');
});
