import { disposeParameters } from "@cambium/core";
import { ones, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { LinearTarget } from "./targets.ts";
import { addToMatrix, changeWeights, readMatrix, scaleBias } from "./weights.ts";

const place = (layout: "out,in" | "in,out", columns?: readonly [number, number]): LinearTarget => ({
  site: { kind: "linear", path: "p", role: "attn.q", width: 2 },
  input: 4,
  output: 2,
  weight: { name: "p.weight", layout },
  bias: "p.bias",
  ...(columns !== undefined && { columns }),
});
const rows = [
  [1, 2, 3, 4],
  [5, 6, 7, 8],
];

test.each<[string, LinearTarget, number[][], number[][]]>([
  ["as it lies", place("out,in"), rows, rows.map((row) => row.map((value) => value + 1))],
  [
    "transposed",
    place("in,out"),
    [
      [1, 5],
      [2, 6],
      [3, 7],
      [4, 8],
    ],
    rows.map((row) => row.map((value) => value + 1)),
  ],
  [
    "some columns of a fused one",
    place("in,out", [1, 3]),
    [
      [2, 6],
      [3, 7],
    ],
    [
      [1, 3, 4, 4],
      [5, 7, 8, 8],
    ],
  ],
  [
    "some rows of a fused one",
    place("out,in", [1, 2]),
    [[5, 6, 7, 8]],
    [
      [1, 2, 3, 4],
      [6, 7, 8, 9],
    ],
  ],
])("a matrix is read and added to %s", (_, where, read, added) => {
  tidy(() => {
    const base = new Map([["p.weight", tensor2d(rows)]]);
    const matrix = readMatrix(base, where);
    expect(matrix).toBeAllClose(read);
    expect(addToMatrix(base, where, ones(matrix.shape))).toBeAllClose(added);
  });
});

test("a bias is scaled at the site's part only", () => {
  tidy(() => {
    const base = new Map([["p.bias", tensor1d([1, 2, 3, 4])]]);
    expect(scaleBias(base, place("in,out", [1, 3]), tensor1d([10, 100]))).toBeAllClose([1, 20, 300, 4]);
    expect(scaleBias(base, place("in,out"), tensor1d([0, 1, 2, 3]))).toBeAllClose([0, 2, 6, 12]);
  });
});

test("places that share a matrix change it one after another", () => {
  const base = new Map([["p.weight", tensor2d(rows)]]);
  const places = [place("in,out", [0, 2]), place("in,out", [2, 4])];
  const changed = changeWeights(base, places, (weights, each) => [
    [
      "p.weight",
      addToMatrix(
        weights,
        each,
        tensor2d([
          [1, 1],
          [1, 1],
        ]),
      ),
    ],
  ]);
  expect(changed.get("p.weight")!).toBeAllClose(rows.map((row) => row.map((value) => value + 1)));
  disposeParameters(changed);
  disposeParameters(base);
});
