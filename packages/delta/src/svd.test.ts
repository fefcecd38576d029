import { random } from "@cambium/core";
import { expect, test } from "vitest";
import { type Columns, type Svd, svd } from "./svd.ts";

const drawn = (rows: number, columns: number, seed: number): Columns =>
  Array.from({ length: columns }, (_, i) => random(seed).at(i).normals(rows));

const product = ({ left, values, right }: Svd, row: number, column: number): number =>
  values.reduce((sum, value, i) => sum + value * left[i]![row]! * right[i]![column]!, 0);

const dots = (vectors: Columns): number[] =>
  vectors.flatMap((a) => vectors.map((b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)));

const identity = (size: number): number[] =>
  Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));

test.each([
  [5, 3],
  [3, 5],
  [12, 12],
])("a %d x %d matrix is the product, of orthonormal vectors and falling values", (rows, columns) => {
  const matrix = drawn(rows, columns, 1);
  const parts = svd(matrix);
  const size = Math.min(rows, columns);
  expect(parts.values).toHaveLength(size);
  expect([...parts.values].sort((a, b) => b - a)).toEqual(parts.values);
  for (const vectors of [parts.left, parts.right])
    expect(dots(vectors)).toBeAllClose(identity(size), { absolute: 1e-12 });
  matrix.forEach((column, c) => {
    expect(Array.from(column, (_, r) => product(parts, r, c))).toBeAllClose([...column], { absolute: 1e-12 });
  });
});

test("a diagonal has its entries as values, and a product of thin matrices as many values as ranks", () => {
  const diagonal = [3, -7, 0.5].map((value, i) =>
    Float64Array.from({ length: 3 }, (_, row) => (row === i ? value : 0)),
  );
  expect(svd(diagonal).values).toBeAllClose([7, 3, 0.5], { relative: 1e-14 });
  const [a, b] = [drawn(20, 2, 2), drawn(15, 2, 3)];
  const thin = Array.from({ length: 15 }, (_, c) =>
    Float64Array.from({ length: 20 }, (__, r) => a[0]![r]! * b[0]![c]! + a[1]![r]! * b[1]![c]!),
  );
  expect(svd(thin).values).toHaveLength(2);
  expect(svd([new Float64Array(4), new Float64Array(4)]).values).toEqual([]);
});

test("known values: those of [[3, 0], [4, 5]] are 3√5 and √5", () => {
  expect(svd([Float64Array.of(3, 4), Float64Array.of(0, 5)]).values).toBeAllClose([3 * Math.sqrt(5), Math.sqrt(5)], {
    relative: 1e-14,
  });
});
