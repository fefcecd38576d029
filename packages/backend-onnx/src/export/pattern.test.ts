import { expect, test } from "vitest";
import { findPattern, type Sample } from "./pattern.ts";
import { fixed, type Polynomial } from "./polynomial.ts";
import { longSizes, smallSizes } from "./sizes.ts";

const dynamic = { past: {}, seq: {} };
const sizes = [...smallSizes(dynamic), ...longSizes(dynamic).map(([longest]) => longest)];
const seq: Polynomial = [{ coefficient: 1, factors: ["seq"] }];
const keys: Polynomial = [{ coefficient: 1, factors: ["past"] }, ...seq];

/** A tensor at every size, by its indices. */
function samplesOf(
  shape: (size: { seq: number; past: number }) => number[],
  element: (indices: number[], size: { seq: number; past: number }) => number,
): Sample[] {
  return sizes.map((each) => {
    const size = each as { seq: number; past: number };
    const dimensions = shape(size);
    const [rows, columns] = [dimensions[0]!, dimensions[1] ?? 1];
    const data = Float32Array.from({ length: rows * columns }, (_, i) =>
      element(dimensions.length === 1 ? [i] : [Math.floor(i / columns), i % columns], size),
    );
    return { shape: dimensions, data };
  });
}

test("equal elements are uniform", () => {
  const samples = samplesOf(
    (size) => [size.seq],
    () => 2.5,
  );
  expect(findPattern(samples, sizes, [seq])).toEqual({ kind: "uniform", element: 2.5 });
});

test("positions behind a cache are a sum of the index and a size", () => {
  const samples = samplesOf(
    (size) => [size.seq],
    ([i], size) => size.past + i!,
  );
  const sum = { steps: [fixed(1)], start: [{ coefficient: 1, factors: ["past"] }] };
  expect(findPattern(samples, sizes, [seq])).toEqual({ kind: "sum", sum });
});

test("a causal mask is a table of two, by the distance from the last key", () => {
  const samples = samplesOf(
    (size) => [size.seq, size.seq + size.past],
    ([i, j], size) => (j! > i! + size.past ? -1e9 : 0),
  );
  const sum = { steps: [fixed(-1), fixed(1)], start: [{ coefficient: -1, factors: ["past"] }] };
  const data = { first: 0, table: [0, Math.fround(-1e9)] };
  expect(findPattern(samples, sizes, [seq, keys])).toEqual({ kind: "table", sum, ...data });
});

test("a window of attention is a table that ends on both sides", () => {
  const samples = samplesOf(
    (size) => [size.seq, size.seq],
    ([i, j]) => (j! > i! || j! <= i! - 5 ? 1 : 0),
  );
  expect(findPattern(samples, sizes, [seq, seq])).toMatchObject({ first: -5, table: [1, 0, 0, 0, 0, 0, 1] });
});

test("rows that do not depend on how many there are come from the longest", () => {
  const samples = samplesOf(
    (size) => [size.seq, 3],
    ([i, j]) => Math.sin(i! * (j! + 1)),
  );
  const longest = sizes.findIndex((each) => each["seq"] === Math.max(...sizes.map(({ seq: length }) => length!)));
  expect(findPattern(samples, sizes, [seq, fixed(3)])).toEqual({ kind: "rows", trace: longest });
});

test.each<[string, (indices: number[], size: { seq: number }) => number]>([
  ["that depends on the length itself", ([i], size) => Math.sin(i! / size.seq)],
  ["that is counted from the end, and turns", ([i], size) => (size.seq - i!) ** 2],
])("a tensor %s has no known pattern", (_, element) => {
  expect(
    findPattern(
      samplesOf((size) => [size.seq], element),
      sizes,
      [seq],
    ),
  ).toBeUndefined();
});

test("distances that still change at the ends are no table", () => {
  const samples = samplesOf(
    (size) => [size.seq, size.seq],
    ([i, j]) => 1 / (1 + Math.abs(i! - j!)),
  );
  expect(findPattern(samples, sizes, [seq, seq])).toBeUndefined();
});
