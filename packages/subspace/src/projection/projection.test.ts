import { disposeParameters, type Parameters, random, valueAndGradients } from "@cambium/core";
import { add, mul, type Scalar, sum, type Tensor, tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { valuesOf } from "../targets.fixture.ts";
import { trajectoryProjection } from "./basis.ts";
import { denseProjection } from "./dense.ts";
import { disposeFastfood, drawFastfood, fastfoodProduct, fastfoodProjection } from "./fastfood.ts";
import { hadamardTransform } from "./hadamard.ts";
import type { Projection } from "./projection.ts";

const like = (...sizes: readonly number[]) => new Map(sizes.map((size, i) => [`t${i}`, { shape: [size] }]));
const norm = (values: readonly number[]): number => Math.hypot(...values);
const drawn = (size: number, seed = 1): number[] => [...random(seed).normals(size)];

/** The entry by its definition: −1 for an odd number of common bits. */
const entry = (i: number, j: number): number => ((i & j).toString(2).replaceAll("0", "").length % 2 === 1 ? -1 : 1);

function applied(projection: Projection, z: readonly number[], more: Record<string, number[]> = {}): number[] {
  return tidy(() =>
    valuesOf(
      projection.apply(
        new Map<string, Tensor>(Object.entries({ z: [...z], ...more }).map(([name, list]) => [name, tensor1d(list)])),
      ),
    ),
  );
}

test.each([1, 2, 8, 64, 128, 1024])("the transform of length %i is the product with the Hadamard matrix", (size) => {
  const x = drawn(size);
  const given = tensor1d(x);
  const once = hadamardTransform(given);
  const twice = hadamardTransform(once);
  const rows = size > 128 ? [0, 1, 77, size - 1] : x.map((_, i) => i);
  const exact = rows.map((i) => x.reduce((total, value, j) => total + entry(i, j) * value, 0));
  const found = once.dataSync();
  // Sums of up to 1024 float32 numbers of size 1: their rounding is below 2^-23 times their number.
  expect(rows.map((i) => found[i]!)).toBeAllClose(exact, { absolute: 5e-4 });
  expect([...twice.dataSync()].map((value) => value / size)).toBeAllClose(x, { absolute: 1e-5 });
  for (const each of [given, once, twice]) each.dispose();
});

test("a length that is no power of two is an error", () => {
  const x = tensor1d([1, 2, 3]);
  expect(() => hadamardTransform(x)).toThrow("the length must be a power of two, got 3");
  x.dispose();
});

test("Fastfood is the product of its five matrices", () => {
  const fastfood = drawFastfood(6, 3, random(4));
  const [signs, order, gaussians] = [fastfood.signs, fastfood.order, fastfood.gaussians].map((each) => [
    ...each.dataSync(),
  ]);
  const z = [0.5, -2, 1];
  const transform = (x: readonly number[]): number[] =>
    x.map((_, i) => x.reduce((total, value, j) => total + entry(i, j) * value, 0));
  const mixed = transform([...z.map((value, i) => value * signs![i]!), 0, 0, 0, 0, 0]);
  const spread = transform(order!.map((from, i) => mixed[from]! * gaussians![i]!));
  const length = Math.sqrt(8 * gaussians!.reduce((total, value) => total + value ** 2, 0));
  const exact = spread.slice(0, 6).map((value) => value / (length * Math.sqrt(6 / 8)));
  const found = tidy(() => [...fastfoodProduct(fastfood, tensor1d(z)).dataSync()]);
  expect(found).toBeAllClose(exact, { absolute: 1e-6 });
  disposeFastfood(fastfood);
});

const kinds: [
  string,
  (sizes: readonly number[], options: { dimension: number; structured?: boolean }) => Projection,
][] = [
  ["dense", (sizes, options) => denseProjection(like(...sizes), options, random(3))],
  ["Fastfood", (sizes, options) => fastfoodProjection(like(...sizes), options, random(3))],
];

test.each(kinds)("a %s projection keeps lengths in each tensor", (_, make) => {
  const projection = make([3000, 4096], { dimension: 20 });
  const z = drawn(20);
  const moved = applied(projection, z);
  // The relative deviation of a length over 3000 Gaussian directions is 1/√6000 = 1.3 %; ten of them is far beyond chance.
  expect(norm(moved.slice(0, 3000)) / norm(z)).toBeCloseTo(1, 0);
  expect(Math.abs(norm(moved.slice(0, 3000)) / norm(z) - 1)).toBeLessThan(0.13);
  expect(Math.abs(norm(moved.slice(3000)) / norm(z) - 1)).toBeLessThan(0.13);
  projection.dispose();
});

test.each(kinds)("the gradient of a %s projection is its exact adjoint", (_, make) => {
  const projection = make([5, 12], { dimension: 7 });
  const [z, g] = [drawn(7), drawn(17, 2)];
  // ⟨P e_k, g⟩ for every k, against the gradient of z ↦ ⟨P z, g⟩.
  const columns = z.map((_value, k) =>
    applied(
      projection,
      z.map((_each, i) => (i === k ? 1 : 0)),
    ),
  );
  const exact = columns.map((column) => column.reduce((total, value, i) => total + value * g[i]!, 0));
  const found = tidy(() => {
    const [first, second] = [tensor1d(g.slice(0, 5)), tensor1d(g.slice(5))];
    const loss = (at: Parameters): Scalar => {
      const moved = projection.apply(at);
      return add(sum(mul(moved.get("t0")!, first)), sum(mul(moved.get("t1")!, second))) as Scalar;
    };
    return [
      ...valueAndGradients(loss, new Map([["z", tensor1d(z)]]))
        .gradients.get("z")!
        .dataSync(),
    ];
  });
  expect(found).toBeAllClose(exact, { absolute: 1e-5 });
  projection.dispose();
});

test("more coordinates than parameters are no reason to drop any", () => {
  const projection = fastfoodProjection(like(3), { dimension: 20 }, random(1));
  const last = Array.from({ length: 20 }, (_, i) => (i === 19 ? 1 : 0));
  expect(norm(applied(projection, last))).toBeGreaterThan(0);
  projection.dispose();
});

test("the legacy gradient is the exact one over the length of the transform, and values are equal", () => {
  const make = (legacyGradientScale: boolean) =>
    fastfoodProjection(like(10), { dimension: 4, legacyGradientScale }, random(1));
  const [exact, legacy] = [make(false), make(true)];
  const z = drawn(4);
  const gradient = (projection: Projection): number[] =>
    tidy(() => [
      ...valueAndGradients((at) => sum(projection.apply(at).get("t0")!) as Scalar, new Map([["z", tensor1d(z)]]))
        .gradients.get("z")!
        .dataSync(),
    ]);
  expect(applied(legacy, z)).toEqual(applied(exact, z));
  expect(gradient(legacy).map((value) => value * 16)).toBeAllClose(gradient(exact), { absolute: 1e-6 });
  for (const each of [exact, legacy]) each.dispose();
});

test("a structured projection scales each tensor by its own number", () => {
  const projection = fastfoodProjection(like(6, 9), { dimension: 5, structured: true }, random(1));
  const z = drawn(3);
  const plain = applied(projection, z, { scale: [1, 1] });
  const scaled = applied(projection, z, { scale: [2, -1] });
  expect(scaled).toBeAllClose(
    plain.map((value, i) => value * (i < 6 ? 2 : -1)),
    { absolute: 1e-6 },
  );
  const start = projection.start();
  expect(Object.fromEntries([...start].map(([name, each]) => [name, [...each.dataSync()]]))).toEqual({
    z: [0, 0, 0],
    scale: [1, 1],
  });
  disposeParameters(start);
  projection.dispose();
});

const combined = (weights: readonly (readonly number[])[], directions: readonly (readonly number[])[]): Parameters[] =>
  weights.map((row) => {
    const values = directions[0]!.map((_, i) =>
      row.reduce((total, weight, k) => total + weight * directions[k]![i]!, 0),
    );
    return new Map<string, Tensor>([
      ["a", tensor(values.slice(0, 6), [2, 3])],
      ["b", tensor1d(values.slice(6))],
    ]);
  });

test("the subspace of points that differ in two directions holds every one of them, and its directions are orthonormal", async () => {
  const points = combined(
    [
      [0, 0],
      [1, 0],
      [40, 1],
      [-2, 3],
    ],
    [drawn(10), drawn(10, 2)],
  );
  const projection = await trajectoryProjection(points, { dimension: 2 });
  const columns = [applied(projection, [1, 0]), applied(projection, [0, 1])];
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((total, value, i) => total + value * b[i]!, 0);
  expect([dot(columns[0]!, columns[0]!), dot(columns[1]!, columns[1]!), dot(columns[0]!, columns[1]!)]).toBeAllClose(
    [1, 1, 0],
    { absolute: 1e-5 },
  );
  for (const point of points) {
    const values = valuesOf(point);
    const z = columns.map((column) => dot(column, values));
    expect(applied(projection, z)).toBeAllClose(values, { absolute: 1e-4 });
  }
  await expect(trajectoryProjection(points, { dimension: 3 })).rejects.toThrow("differ in 2 directions");
  projection.dispose();
  for (const point of points) disposeParameters(point);
});

test("blocks have their own coordinates, or share them", async () => {
  const points = combined(
    [
      [0, 0],
      [1, 0],
      [0, 1],
    ],
    [drawn(10), drawn(10, 2)],
  );
  const options = { dimension: 2, block: (name: string) => name };
  const [own, shared] = [
    await trajectoryProjection(points, options),
    await trajectoryProjection(points, { ...options, shared: true }),
  ];
  expect([own.dimension, shared.dimension]).toEqual([4, 2]);
  const moved = tidy(() =>
    valuesOf(
      own.apply(
        new Map([
          ["z.a", tensor1d([1, 0])],
          ["z.b", tensor1d([0, 0])],
        ]),
      ),
    ),
  );
  expect(norm(moved.slice(0, 6))).toBeCloseTo(1, 5);
  expect(moved.slice(6)).toEqual([0, 0, 0, 0]);
  for (const each of [own, shared]) each.dispose();
  for (const point of points) disposeParameters(point);
});

test("what a projection cannot be is an error that says what was meant", async () => {
  const bad = (options: object): unknown => fastfoodProjection(like(4), options as never, random(1));
  expect(() => bad({ dimension: 0 })).toThrow("dimension must be an integer from 1, got 0");
  expect(() => bad({ dimension: 2, per: "layer" })).toThrow('per must be "tensor" or "whole"');
  expect(() => bad({ dimension: 1, structured: true })).toThrow("dimension must be above 1, got 1");
  expect(() => bad({ dimension: 2, structured: true, per: "whole" })).toThrow("a scale for each tensor");
  expect(() => bad({ dimension: 2, only: () => false })).toThrow("there is nothing to move");
  expect(() => bad({ dimesion: 2 })).toThrow('is "dimension" meant?');
  expect(() => denseProjection(like(2 ** 24), { dimension: 100 }, random(1))).toThrow("use fastfoodProjection");
  const ids = new Map([["ids", { shape: [2], dtype: "int32" }]]);
  expect(() => fastfoodProjection(ids, { dimension: 2 }, random(1))).toThrow("is int32, which does not move");
  const projection = fastfoodProjection(like(4), { dimension: 2 }, random(1));
  expect(() => applied(projection, [1, 2, 3])).toThrow('must have a vector "z" of 2 numbers, got [3]');
  projection.dispose();
  await expect(trajectoryProjection([], { dimension: 1 })).rejects.toThrow("at least 2 points");
  const points = [
    [1, 2],
    [3, Number.NaN],
  ].map((values) => new Map<string, Tensor>([["w", tensor1d(values)]]));
  await expect(trajectoryProjection(points, { dimension: 1 })).rejects.toThrow("point 1 holds numbers that are not");
  for (const point of points) disposeParameters(point);
});
