/** Every native kernel gives what tfjs-backend-cpu gives, on random inputs of odd shapes and of each dtype it takes. */
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import "./index.ts";
import { onOnnx } from "./numerics/on-onnx.fixture.ts";
import { backendReport } from "./register.ts";

let seed = 1;
const uniform = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const values = (count: number, low: number, high: number): number[] =>
  Array.from({ length: count }, () => low + (high - low) * uniform());
const sizeOf = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

/** Plain inputs, so that each backend makes its own tensors. */
interface Given {
  shape: number[];
  dtype: "float32" | "int32" | "bool";
  data: number[];
}
const float = (shape: number[], low = -2, high = 2): Given => ({
  shape,
  dtype: "float32",
  data: values(sizeOf(shape), low, high),
});
const int = (shape: number[], low = -5, high = 6): Given => ({
  shape,
  dtype: "int32",
  data: values(sizeOf(shape), low, high).map(Math.floor),
});
const bool = (shape: number[]): Given => ({
  shape,
  dtype: "bool",
  data: values(sizeOf(shape), 0, 1).map((x) => (x < 0.5 ? 0 : 1)),
});

type Run = (...tensors: never[]) => tf.Tensor | tf.Tensor[];

async function runOn(
  backend: string,
  given: Given[],
  run: Run,
): Promise<{ shape: number[]; dtype: string; data: number[] }[]> {
  await tf.setBackend(backend);
  const outputs = tf.tidy(() => {
    const made = run(...(given.map(({ data, shape, dtype }) => tf.tensor(data, shape, dtype)) as never[]));
    return Array.isArray(made) ? made : [made];
  });
  const read = outputs.map((output) => ({
    shape: output.shape,
    dtype: output.dtype,
    data: [...(output.dataSync() as Float32Array)],
  }));
  tf.dispose(outputs);
  return read;
}

type T = tf.Tensor;
type Case = [title: string, given: Given[], run: Run];

const binary = (name: string, run: (a: T, b: T) => T, givens: Given[][]): Case[] =>
  givens.map((given) => [
    `${name} ${given.map(({ dtype, shape }) => `${dtype} [${shape}]`).join(" ")}`,
    given,
    run as Run,
  ]);
const unary = (name: string, run: (x: T) => T, low = -2, high = 2): Case[] => [
  [`${name} float32`, [float([3, 5], low, high)], run as Run],
];

const pairs = (): Given[][] => [
  [float([2, 3]), float([2, 3])],
  [float([2, 1, 3]), float([4, 1])],
  [float([]), float([3])],
  [int([2, 3]), int([3])],
];
const mixedPairs = (): Given[][] => [...pairs(), [bool([2, 3]), bool([3])]];

const arithmetic: Case[] = [
  ...binary("add", (a, b) => tf.add(a, b), mixedPairs()),
  ...binary("sub", (a, b) => tf.sub(a, b), pairs()),
  ...binary("mul", (a, b) => tf.mul(a, b), mixedPairs()),
  ...binary("div", (a, b) => tf.div(a, b), pairs().slice(0, 3)),
  ...binary("floorDiv", (a, b) => tf.floorDiv(a, b), [...pairs().slice(0, 3), [int([6], -9, 9), int([6], 1, 4)]]),
  ...binary("maximum", (a, b) => tf.maximum(a, b), pairs()),
  ...binary("minimum", (a, b) => tf.minimum(a, b), pairs()),
  ...binary("squaredDifference", (a, b) => tf.squaredDifference(a, b), pairs()),
  ...binary("pow", (a, b) => tf.pow(a, b), [[float([2, 3], 0.1, 3), float([3])]]),
  ["mul by ones vanishes", [float([2, 1])], ((x: T) => tf.mul(x, tf.ones([2, 3]))) as Run],
  ["add of zeros vanishes", [float([3])], ((x: T) => tf.add(tf.zeros([2, 3]), x)) as Run],
  ["addN", [float([2, 3]), float([2, 3]), float([2, 3])], ((...xs: T[]) => tf.addN(xs)) as Run],
];

const comparisons: Case[] = [
  ...(["equal", "notEqual", "greater", "greaterEqual", "less", "lessEqual"] as const).flatMap((name) =>
    binary(name, (a, b) => tf[name](a, b), [
      [int([2, 3], 0, 3), int([3], 0, 3)],
      [float([4]), float([4])],
      [bool([4]), bool([4])],
    ]),
  ),
  ...(["logicalAnd", "logicalOr"] as const).flatMap((name) =>
    binary(name, (a, b) => tf[name](a, b), [[bool([2, 3]), bool([3])]]),
  ),
  ["logicalNot", [bool([5])], ((x: T) => tf.logicalNot(x)) as Run],
  ["where float32", [bool([2, 3]), float([2, 3]), float([2, 3])], ((c: T, a: T, b: T) => tf.where(c, a, b)) as Run],
  ["where bool", [bool([2, 3]), bool([2, 3]), bool([2, 3])], ((c: T, a: T, b: T) => tf.where(c, a, b)) as Run],
  ["isNaN", [float([4])], ((x: T) => tf.isNaN(tf.log(x))) as Run],
];

const functions: Case[] = [
  ...(
    [
      "abs",
      "neg",
      "sign",
      "floor",
      "ceil",
      "round",
      "exp",
      "tanh",
      "sigmoid",
      "erf",
      "sin",
      "cos",
      "tan",
      "atan",
      "sinh",
      "cosh",
      "asinh",
      "softplus",
      "square",
      "relu",
      "step",
    ] as const
  ).flatMap((name) => unary(name, (x) => tf[name](x))),
  ...(["log", "sqrt", "rsqrt", "reciprocal"] as const).flatMap((name) => unary(name, (x) => tf[name](x), 0.1, 4)),
  ...(["asin", "acos", "atanh"] as const).flatMap((name) => unary(name, (x) => tf[name](x), -0.9, 0.9)),
  ...unary("acosh", (x) => tf.acosh(x), 1.1, 4),
  ...unary("clipByValue", (x) => tf.clipByValue(x, -0.5, 1)),
  [
    "round halves to even",
    [{ shape: [6], dtype: "float32", data: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] }],
    ((x: T) => tf.round(x)) as Run,
  ],
  ["abs int32", [int([4])], ((x: T) => tf.abs(x)) as Run],
  ["relu int32", [int([4])], ((x: T) => tf.relu(x)) as Run],
  ["exp int32", [int([4])], ((x: T) => tf.exp(x)) as Run],
  ...(["float32", "int32", "bool"] as const).flatMap((to): Case[] => [
    [`cast float32 to ${to}`, [float([7], -3, 3)], ((x: T) => tf.cast(x, to)) as Run],
    [`cast int32 to ${to}`, [int([7])], ((x: T) => tf.cast(x, to)) as Run],
    [`cast bool to ${to}`, [bool([7])], ((x: T) => tf.cast(x, to)) as Run],
  ]),
];

const axes: (number | number[] | undefined)[] = [undefined, 0, -1, [0, 2], 1];
const reductions: Case[] = [
  ...(["sum", "mean", "max", "min", "prod"] as const).flatMap((name) =>
    axes.flatMap((axis): Case[] => [
      [`${name} float32 over ${axis}`, [float([2, 3, 4])], ((x: T) => tf[name](x, axis)) as Run],
      [`${name} int32 over ${axis}, kept`, [int([2, 3, 4], 1, 3)], ((x: T) => tf[name](x, axis, true)) as Run],
    ]),
  ),
  ["sum over an axis of length 1", [float([2, 1, 3])], ((x: T) => tf.sum(x, 1)) as Run],
  ["sum bool", [bool([2, 5])], ((x: T) => tf.sum(x, 1)) as Run],
  ["all", [bool([3, 2])], ((x: T) => tf.all(x, 1)) as Run],
  ["any", [bool([3, 2])], ((x: T) => tf.any(x, 0)) as Run],
  ["argMax", [float([3, 4])], ((x: T) => tf.argMax(x, 1)) as Run],
  ["argMin takes the first of equals", [int([3, 4], 0, 2)], ((x: T) => tf.argMin(x, 0)) as Run],
  ["cumsum", [float([3, 4])], ((x: T) => tf.cumsum(x, 1, true, true)) as Run],
  ["softmax", [float([2, 3, 4])], ((x: T) => tf.softmax(x)) as Run],
  ["logSoftmax", [float([2, 3, 4])], ((x: T) => tf.logSoftmax(x)) as Run],
];

const products: Case[] = [
  ["matMul", [float([3, 4]), float([4, 5])], ((a: T, b: T) => tf.matMul(a, b)) as Run],
  ["matMul transposed", [float([4, 3]), float([5, 4])], ((a: T, b: T) => tf.matMul(a, b, true, true)) as Run],
  ["matMul batched", [float([2, 3, 4]), float([2, 5, 4])], ((a: T, b: T) => tf.matMul(a, b, false, true)) as Run],
  ["matMul batched by one", [float([2, 3, 4]), float([1, 4, 5])], ((a: T, b: T) => tf.matMul(a, b)) as Run],
  ["matMul one by batched", [float([1, 4, 3]), float([2, 4, 5])], ((a: T, b: T) => tf.matMul(a, b, true)) as Run],
  ["matMul of rank 4", [float([2, 3, 4, 5]), float([2, 3, 5, 2])], ((a: T, b: T) => tf.matMul(a, b)) as Run],
  [
    "a product with a bias, an activation and a residual",
    [float([2, 3, 4]), float([4, 5]), float([5]), float([2, 3, 5])],
    ((x: T, w: T, b: T, r: T) =>
      tf.add(
        tf.reshape(tf.add(tf.matMul(tf.reshape(x, [6, 4]) as tf.Tensor2D, w as tf.Tensor2D), b), [2, 3, 5]),
        r,
      )) as Run,
  ],
  [
    "a sum of two products",
    [float([6, 4]), float([4, 5]), float([6, 2]), float([2, 5])],
    ((x: tf.Tensor2D, w: tf.Tensor2D, y: tf.Tensor2D, v: tf.Tensor2D) =>
      tf.add(tf.matMul(x, w), tf.matMul(y, v))) as Run,
  ],
  [
    "a product that is read twice keeps its value",
    [float([3, 4]), float([4, 5]), float([5])],
    ((x: tf.Tensor2D, w: tf.Tensor2D, b: T) => {
      const product = tf.matMul(x, w);
      return [product, tf.add(product, b), tf.mul(product, 2)];
    }) as Run,
  ],
];

const shapes: Case[] = [
  ["reshape and expandDims", [float([2, 6])], ((x: T) => tf.expandDims(tf.reshape(x, [3, -1]), 1)) as Run],
  ["transpose", [float([2, 3, 4])], ((x: T) => tf.transpose(x, [2, 0, 1])) as Run],
  ["transpose of an axis of length 1", [float([2, 1, 4])], ((x: T) => tf.transpose(x, [1, 0, 2])) as Run],
  ["tile", [float([2, 3])], ((x: T) => tf.tile(x, [2, 2])) as Run],
  ["slice", [float([4, 5])], ((x: T) => tf.slice(x, [1, 2], [2, -1])) as Run],
  ["stridedSlice", [float([4, 5])], ((x: T) => tf.stridedSlice(x, [0, 1], [4, 5], [2, 2])) as Run],
  ["stridedSlice simple", [float([4, 5])], ((x: T) => tf.stridedSlice(x, [0, 1], [2, 3], [1, 1])) as Run],
  ["concat", [int([2, 3]), int([2, 1])], ((a: T, b: T) => tf.concat([a, b], 1)) as Run],
  ["stack and unstack", [float([2, 3]), float([2, 3])], ((a: T, b: T) => tf.unstack(tf.stack([a, b], 1), 2)) as Run],
  ["split", [float([4, 6])], ((x: T) => tf.split(x, [1, 2, 3], 1)) as Run],
  [
    "pad",
    [float([2, 3])],
    ((x: T) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        7,
      )) as Run,
  ],
  ["reverse", [float([2, 3, 4])], ((x: T) => tf.reverse(x, [0, 2])) as Run],
  [
    "fill, onesLike and zerosLike",
    [int([2, 2])],
    ((x: T) => [tf.fill([2, 2], 3), tf.onesLike(x), tf.zerosLike(x)]) as Run,
  ],
  ["broadcastTo", [float([2, 1])], ((x: T) => tf.broadcastTo(x, [2, 3])) as Run],
];

const indexing: Case[] = [
  ["gather", [float([5, 3]), int([2, 4], 0, 5)], ((x: T, i: T) => tf.gather(x, i as tf.Tensor1D)) as Run],
  [
    "gather along an inner axis",
    [float([2, 5, 3]), int([4], 0, 5)],
    ((x: T, i: T) => tf.gather(x, i as tf.Tensor1D, 1)) as Run,
  ],
  ["oneHot", [int([5], -2, 5)], ((i: T) => tf.oneHot(i as tf.Tensor1D, 3, 2, -1)) as Run],
  [
    "unsortedSegmentSum",
    [float([6, 3]), int([6], 0, 4)],
    ((x: T, i: T) => tf.unsortedSegmentSum(x, i as tf.Tensor1D, 4)) as Run,
  ],
  [
    "unsortedSegmentSum drops negative ids",
    [float([6, 3]), int([6], -2, 4)],
    ((x: T, i: T) => tf.unsortedSegmentSum(x, i as tf.Tensor1D, 4)) as Run,
  ],
  ["topk", [float([3, 5])], ((x: T) => [tf.topk(x, 2).values, tf.topk(x, 2).indices]) as Run],
  ["cumprod, by the plain backend", [float([3, 5])], ((x: T) => tf.cumprod(x, 1)) as Run],
];

onOnnx();

describe.each([
  ["arithmetic", arithmetic],
  ["comparisons", comparisons],
  ["functions", functions],
  ["reductions", reductions],
  ["products", products],
  ["shapes", shapes],
  ["indexing", indexing],
])("%s equal tfjs-backend-cpu's", (_, cases) => {
  test.each(cases)("%s", async (__, given, run) => {
    const [expected, actual] = [await runOn("cpu", given, run), await runOn("onnx", given, run)];
    expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
      expected.map(({ shape, dtype }) => ({ shape, dtype })),
    );
    // float32 with other orders of summation and other polynomial approximations.
    for (const [i, { data }] of actual.entries()) {
      expect(data).toBeAllClose(expected[i]!.data, { relative: 2e-6, absolute: 2e-6 });
    }
    await tf.setBackend("cpu");
  });
});

test("the report names the kernels that ran on the plain backend", () => {
  expect(backendReport().fallback).toHaveProperty("Cumprod");
  expect(backendReport().fallback).not.toHaveProperty("BatchMatMul");
});
