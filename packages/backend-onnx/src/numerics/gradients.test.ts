/** Gradients against central differences of the definitions, which are computed in float64. */
import * as tf from "@tensorflow/tfjs-core";
// @ts-expect-error A deep import without types: tfjs-core registers no gradients by itself, and vite resolves it.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backendReport } from "../register.ts";
import { convolution, depthwiseConvolution, outputSize, pooling, type Windows } from "./image-definitions.fixture.ts";
import {
  at,
  broadcast,
  broadcastable,
  build,
  buildSums,
  differenceOf,
  floats,
  holds,
  type Plain,
  plains,
  shapes,
} from "./plain.fixture.ts";

beforeAll(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

type T = tf.Tensor;

interface Differentiable {
  readonly run: (...tensors: never[]) => T;
  readonly define: (...plains: never[]) => Plain;
}

/** Weights that tell the elements of a result apart. */
const weight = (i: number): number => Math.sin(i + 1);

const STEP = 1e-5;

/** Compares the gradient of a weighted sum of the result for each input. */
function compareGradients(name: string, { run, define }: Differentiable, inputs: readonly Plain[]): void {
  const loss = (given: readonly Plain[]): number =>
    define(...(given as unknown as never[])).data.reduce((sum, element, i) => sum + weight(i) * element, 0);
  const expected = inputs.map((input, which): Plain => {
    const shifted = (i: number, by: number): number =>
      loss(inputs.with(which, { ...input, data: input.data.with(i, input.data[i]! + by) }));
    return { ...input, data: input.data.map((_, i) => (shifted(i, STEP) - shifted(i, -STEP)) / (2 * STEP)) };
  });
  const actual: Plain[] = [];
  tf.tidy(() => {
    const tensors = inputs.map(({ data, shape }) => tf.tensor([...data], [...shape]));
    const weighted = (...given: T[]): tf.Scalar => {
      const made = run(...(given as never[]));
      const weights = Array.from({ length: made.size }, (_, i) => weight(i));
      return tf.sum(tf.mul(made, tf.tensor(weights, made.shape)));
    };
    for (const gradient of tf.grads(weighted)(tensors))
      actual.push({ shape: gradient.shape, dtype: "float32", data: [...gradient.dataSync()] });
  });
  for (const [i, gradient] of actual.entries())
    expect(
      differenceOf(`${name}, input ${i}`, gradient, expected[i]!, { relative: 1e-4, absolute: 1e-4 }),
    ).toBeUndefined();
}

function compareAll(cases: Readonly<Record<string, Differentiable>>, inputs: readonly Plain[]): void {
  for (const [name, differentiable] of Object.entries(cases)) compareGradients(name, differentiable, inputs);
}

/** Moves elements apart, so that no step exchanges the largest. */
const spread = (x: Plain): Plain => ({ ...x, data: x.data.map((element, i) => Math.fround(element + 0.0123457 * i)) });

const binary = (run: (a: T, b: T) => T, element: (a: number, b: number) => number): Differentiable => ({
  run: run as Differentiable["run"],
  define: ((a: Plain, b: Plain) =>
    build(broadcast(a.shape, b.shape), "float32", (index) =>
      element(at(a, index), at(b, index)),
    )) as Differentiable["define"],
});
const unary = (run: (x: T) => T, element: (x: number) => number): Differentiable => ({
  run: run as Differentiable["run"],
  define: ((x: Plain) => build(x.shape, "float32", (index) => element(at(x, index)))) as Differentiable["define"],
});

/** Away from kinks and poles, so that differences make sense. */
const smooth = fc.oneof(floats({ low: 0.2, high: 1.8, odd: false }), floats({ low: -1.8, high: -0.2, odd: false }));
const positive = floats({ low: 0.2, high: 2, odd: false });

test("arithmetic sums its gradients over what was broadcast", () => {
  const cases = {
    add: binary(tf.add, (a, b) => a + b),
    sub: binary(tf.sub, (a, b) => a - b),
    mul: binary(tf.mul, (a, b) => a * b),
    div: binary(tf.div, (a, b) => a / b),
  };
  const pairs = broadcastable({ empty: false }).chain(([a, b]) =>
    fc.tuple(plains(a, "float32", smooth), plains(b, "float32", positive)),
  );
  holds(pairs, (pair) => compareAll(cases, pair), 15);
});

test("functions of one tensor", () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const cases = {
    abs: unary(tf.abs, Math.abs),
    exp: unary(tf.exp, Math.exp),
    expm1: unary(tf.expm1, Math.expm1),
    square: unary(tf.square, (x) => x * x),
    reciprocal: unary(tf.reciprocal, (x) => 1 / x),
    tanh: unary(tf.tanh, Math.tanh),
    sigmoid: unary(tf.sigmoid, sigmoid),
    softplus: unary(tf.softplus, (x) => Math.log1p(Math.exp(x))),
    logSigmoid: unary(tf.logSigmoid, (x) => -Math.log1p(Math.exp(-x))),
    sin: unary(tf.sin, Math.sin),
    cos: unary(tf.cos, Math.cos),
    relu: unary(tf.relu, (x) => Math.max(x, 0)),
    relu6: unary(tf.relu6, (x) => Math.min(Math.max(x, 0), 6)),
    leakyRelu: unary(
      (x) => tf.leakyRelu(x, 0.3),
      (x) => (x < 0 ? 0.3 * x : x),
    ),
    elu: unary(tf.elu, (x) => (x < 0 ? Math.expm1(x) : x)),
    clipByValue: unary(
      (x) => tf.clipByValue(x, -0.1, 0.1),
      (x) => Math.min(Math.max(x, -0.1), 0.1),
    ),
  };
  holds(
    shapes().chain((shape) => plains(shape, "float32", smooth)),
    (x) => compareAll(cases, [x]),
    8,
  );
  const ofPositive = {
    log: unary(tf.log, Math.log),
    log1p: unary(tf.log1p, Math.log1p),
    sqrt: unary(tf.sqrt, Math.sqrt),
    rsqrt: unary(tf.rsqrt, (x) => 1 / Math.sqrt(x)),
    pow: unary(
      (x) => tf.pow(x, 2.5),
      (x) => x ** 2.5,
    ),
  };
  holds(
    shapes().chain((shape) => plains(shape, "float32", positive)),
    (x) => compareAll(ofPositive, [x]),
    8,
  );
});

test("products, with either side transposed", () => {
  const size = fc.integer({ min: 1, max: 4 });
  const setting = fc
    .tuple(size, size, size, size, fc.boolean(), fc.boolean())
    .chain(([batch, rows, inner, columns, transposeA, transposeB]) =>
      fc.tuple(
        plains(transposeA ? [batch, inner, rows] : [batch, rows, inner], "float32", smooth),
        plains(transposeB ? [batch, columns, inner] : [batch, inner, columns], "float32", smooth),
        fc.constant({ transposeA, transposeB, shape: [batch, rows, columns], inner }),
      ),
    );
  holds(
    setting,
    ([a, b, { transposeA, transposeB, shape, inner }]) => {
      const matMul: Differentiable = {
        run: ((x: T, y: T) => tf.matMul(x, y, transposeA, transposeB)) as Differentiable["run"],
        define: ((x: Plain, y: Plain) =>
          buildSums(shape, "float32", ([i, row, column]) =>
            Array.from(
              { length: inner },
              (_, k) =>
                at(x, [i!, ...(transposeA ? [k, row!] : [row!, k])]) *
                at(y, [i!, ...(transposeB ? [column!, k] : [k, column!])]),
            ),
          )) as Differentiable["define"],
      };
      compareGradients("matMul", matMul, [a, b]);
    },
    25,
  );
});

test("means, softmax and its logarithm along the last axis", () => {
  const along = (x: Plain, element: (group: readonly number[], i: number) => number): Plain =>
    build(x.shape, "float32", (index) =>
      element(
        Array.from({ length: x.shape.at(-1)! }, (_, i) => at(x, index.with(-1, i))),
        index.at(-1)!,
      ),
    );
  const logSumExp = (group: readonly number[]): number => Math.log(group.reduce((sum, x) => sum + Math.exp(x), 0));
  const cases: Record<string, Differentiable> = {
    softmax: {
      run: ((x: T) => tf.softmax(x)) as Differentiable["run"],
      define: ((x: Plain) =>
        along(x, (group, i) => Math.exp(group[i]! - logSumExp(group)))) as Differentiable["define"],
    },
    logSoftmax: {
      run: ((x: T) => tf.logSoftmax(x)) as Differentiable["run"],
      define: ((x: Plain) => along(x, (group, i) => group[i]! - logSumExp(group))) as Differentiable["define"],
    },
    centred: {
      run: ((x: T) => tf.sub(x, tf.mean(x, -1, true))) as Differentiable["run"],
      define: ((x: Plain) =>
        along(
          x,
          (group, i) => group[i]! - group.reduce((sum, y) => sum + y, 0) / group.length,
        )) as Differentiable["define"],
    },
    largest: {
      run: ((x: T) => tf.mul(x, tf.max(x, -1, true))) as Differentiable["run"],
      define: ((x: Plain) => along(x, (group, i) => group[i]! * Math.max(...group))) as Differentiable["define"],
    },
  };
  holds(
    shapes({ minRank: 1, maxRank: 3, empty: false })
      .chain((shape) => plains(shape, "float32", smooth))
      .map(spread),
    (x) => compareAll(cases, [x]),
    15,
  );
});

test("rows that are gathered several times", () => {
  const setting = fc
    .tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 12 }))
    .chain(([rows, picks]) =>
      fc.tuple(
        plains([rows, 2], "float32", smooth),
        fc.array(fc.nat(rows - 1), { minLength: picks, maxLength: picks }),
      ),
    );
  holds(
    setting,
    ([x, places]) => {
      const gather: Differentiable = {
        run: ((table: T) => tf.gather(table, tf.tensor1d(places, "int32"))) as Differentiable["run"],
        define: ((table: Plain) =>
          build([places.length, 2], "float32", ([i, column]) =>
            at(table, [places[i!]!, column!]),
          )) as Differentiable["define"],
      };
      compareGradients("gather", gather, [x]);
    },
    20,
  );
});

const everyThird = (): T =>
  tf.tensor(
    Array.from({ length: 24 }, (_, i) => i % 3 === 0),
    [2, 3, 4],
    "bool",
  );

test("what is moved, cut, joined, padded and repeated", () => {
  const cases: Record<string, Differentiable> = {
    transpose: {
      run: ((x: T) => tf.transpose(x, [1, 2, 0])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([3, 4, 2], "float32", ([i, j, k]) => at(x, [k!, i!, j!]))) as Differentiable["define"],
    },
    slice: {
      run: ((x: T) => tf.slice(x, [0, 1, 2], [2, 2, 1])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 2, 1], "float32", ([i, j, k]) => at(x, [i!, j! + 1, k! + 2]))) as Differentiable["define"],
    },
    concat: {
      run: ((x: T) => tf.concat([x, tf.square(x)], 1)) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 6, 4], "float32", ([i, j, k]) =>
          j! < 3 ? at(x, [i!, j!, k!]) : at(x, [i!, j! - 3, k!]) ** 2,
        )) as Differentiable["define"],
    },
    pad: {
      run: ((x: T) =>
        tf.pad(x, [
          [1, 0],
          [0, 0],
          [0, 2],
        ])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([3, 3, 6], "float32", ([i, j, k]) =>
          i! > 0 && k! < 4 ? at(x, [i! - 1, j!, k!]) : 0,
        )) as Differentiable["define"],
    },
    tile: {
      run: ((x: T) => tf.tile(x, [1, 2, 1])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 6, 4], "float32", ([i, j, k]) => at(x, [i!, j! % 3, k!]))) as Differentiable["define"],
    },
    stack: {
      run: ((x: T) => tf.stack([x, tf.neg(x)], 1)) as Differentiable["run"],
      define: ((x: Plain) =>
        build(
          [2, 2, 3, 4],
          "float32",
          ([i, s, j, k]) => (s === 0 ? 1 : -1) * at(x, [i!, j!, k!]),
        )) as Differentiable["define"],
    },
    split: {
      run: ((x: T) => {
        const [a, b] = tf.split(x, 2, 2) as [T, T];
        return tf.mul(a, b);
      }) as Differentiable["run"],
      define: ((x: Plain) =>
        build(
          [2, 3, 2],
          "float32",
          ([i, j, k]) => at(x, [i!, j!, k!]) * at(x, [i!, j!, k! + 2]),
        )) as Differentiable["define"],
    },
    where: {
      run: ((x: T) => tf.where(everyThird(), tf.mul(x, 3), x)) as Differentiable["run"],
      define: ((x: Plain) =>
        build(
          [2, 3, 4],
          "float32",
          (index) => at(x, index) * ((index[0]! * 12 + index[1]! * 4 + index[2]!) % 3 === 0 ? 3 : 1),
        )) as Differentiable["define"],
    },
    cumsum: {
      run: ((x: T) => tf.cumsum(x, 2, false, true)) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 3, 4], "float32", ([i, j, k]) =>
          [0, 1, 2, 3].filter((l) => l >= k!).reduce((sum, l) => sum + at(x, [i!, j!, l]), 0),
        )) as Differentiable["define"],
    },
  };
  holds(plains([2, 3, 4], "float32", smooth), (x) => compareAll(cases, [x]), 4);
});

test("convolutions for image and filter, and pooling", () => {
  const two = (min: number, max: number): fc.Arbitrary<[number, number]> =>
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
  const setting = fc
    .record({
      shape: fc.tuple(fc.constant(2), fc.integer({ min: 3, max: 5 }), fc.integer({ min: 3, max: 5 }), fc.constant(2)),
      kernel: two(1, 3),
      strides: two(1, 2),
      padding: fc.tuple(two(0, 1), two(0, 1)),
    })
    .map((windows): Windows & { shape: number[] } => ({ ...windows, dilations: [1, 1] }))
    .chain((windows) =>
      fc.tuple(
        fc.constant(windows),
        plains(windows.shape, "float32", smooth).map(spread),
        plains([...windows.kernel, 2, 2], "float32", smooth),
      ),
    );
  holds(
    setting,
    ([windows, x, filter]) => {
      if (outputSize(x, windows).some((size) => size < 1)) return;
      const strides = [...windows.strides] as [number, number];
      const pad: [[number, number], [number, number], [number, number], [number, number]] = [
        [0, 0],
        [...windows.padding[0]],
        [...windows.padding[1]],
        [0, 0],
      ];
      compareGradients(
        "conv2d",
        {
          run: ((image: tf.Tensor4D, kernel: tf.Tensor4D) =>
            tf.conv2d(image, kernel, strides, pad)) as Differentiable["run"],
          define: ((image: Plain, kernel: Plain) => convolution(image, kernel, windows)) as Differentiable["define"],
        },
        [x, filter],
      );
      // tfjs-core passes explicit padding on to no other gradient.
      const bare: Windows = {
        ...windows,
        padding: [
          [0, 0],
          [0, 0],
        ],
      };
      if (outputSize(x, bare).some((size) => size < 1)) return;
      compareGradients(
        "depthwiseConv2d",
        {
          run: ((image: tf.Tensor4D, kernel: tf.Tensor4D) =>
            tf.depthwiseConv2d(image, kernel, strides, "valid")) as Differentiable["run"],
          define: ((image: Plain, kernel: Plain) =>
            depthwiseConvolution(image, kernel, bare)) as Differentiable["define"],
        },
        [x, filter],
      );
      const kernel = [...windows.kernel] as [number, number];
      for (const type of ["max", "avg"] as const)
        compareGradients(
          `${type}Pool`,
          {
            run: ((image: tf.Tensor4D) =>
              (type === "max" ? tf.maxPool : tf.avgPool)(image, kernel, strides, "valid")) as Differentiable["run"],
            define: ((image: Plain) => pooling(image, bare, type)) as Differentiable["define"],
          },
          [x],
        );
    },
    12,
  );
});

test("the fallbacks of all this are none", () => {
  expect(backendReport().fallback).toEqual({});
});
