/** What varies from step to step is an input of the graph, whatever kind of number it is. */
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { backendReport } from "./index.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const x = (): tf.Tensor2D => tf.tensor2d([-3, -2, -1, -0.5, 0.5, 1, 2, 3, 4, 5, 6, 7], [6, 2]);
const image = (): tf.Tensor4D => tf.reshape(tf.range(0, 16), [1, 4, 4, 1]);

/** Steps whose numbers depend on a counter and whose shapes do not. */
const steps: Readonly<Record<string, (i: number) => tf.Tensor>> = {
  "where a slice begins": (i) => tf.slice(x(), [i % 5, 0], [2, 2]),
  "where a strided slice begins": (i) => tf.stridedSlice(x(), [i % 2, 0], [(i % 2) + 4, 2], [2, 1]),
  "how padding is shared out": (i) =>
    tf.pad(x(), [
      [i % 4, 3 - (i % 4)],
      [0, 0],
    ]),
  "how mirrored padding is shared out": (i) => tf.mirrorPad(x(), [[i % 4, 3 - (i % 4)], [0, 0]], "reflect"), // biome-ignore format: one line
  "what padding consists of": (i) => tf.pad(x(), [[1, 1], [0, 0]], i), // biome-ignore format: one line
  "what a tensor is filled with": (i) => tf.add(x(), tf.fill([6, 2], i)),
  "what a product's factor is filled with": (i) => tf.mul(x(), tf.fill([6, 2], i)),
  "a scalar": (i) => tf.mul(x(), i),
  "limits of a clip": (i) => tf.clipByValue(x(), -i, i),
  "a leak": (i) => tf.leakyRelu(x(), i / 10),
  "a leak behind a product": (i) =>
    tf.fused.matMul({ a: x(), b: tf.ones([2, 2]), activation: "leakyrelu", leakyreluAlpha: i / 10 }),
  "a slope of steps": (i) => tf.step(x(), i + 1),
  "an axis of a running sum": (i) => tf.cumsum(tf.reshape(tf.range(0, 9), [3, 3]), i % 2),
  "an exponent": (i) => tf.pow(tf.abs(x()), (i % 9) / 4),
  "values of one-hot rows": (i) => tf.oneHot(tf.tensor1d([0, 2], "int32"), 3, i + 1, -i),
  "an epsilon of batch normalisation": (i) =>
    tf.batchNorm(x(), tf.tensor1d([0, 1]), tf.tensor1d([1, 2]), undefined, undefined, i + 1),
  "a crop of an image": (i) => tf.slice(image(), [0, i % 2, i % 3, 0], [1, 2, 2, 1]),
  "elements that are equal by chance": (i) =>
    tf.mul(x(), tf.tensor2d([1, 1, i % 3, 1, 1, 1, 1, 1, 1, 1, 1, 1], [6, 2])),
  "rows that are equal by chance": (i) => tf.gather(x(), tf.tensor1d([0, i % 3, 0], "int32")),
};

test.each(Object.entries(steps))("%s becomes an input once it has varied", async (_, step) => {
  const run = (): number[][] => Array.from({ length: 100 }, (__, i) => [...tf.tidy(() => step(i).dataSync())]);
  const before = backendReport().compileCount;
  const results = run();
  expect(backendReport().compileCount - before).toBeLessThanOrEqual(3);
  await tf.setBackend("cpu");
  const expected = run();
  const worst = Math.max(...results.flatMap((row, i) => row.map((value, j) => Math.abs(value - expected[i]![j]!))));
  expect(worst).toBeLessThan(1e-5); // numbers of a few digits, in float32
});

test("the reason for a compile names what varied, and where", () => {
  tf.tidy(() => {
    for (const start of [0, 3]) tf.neg(tf.slice(tf.tensor1d([1, 2, 3, 4, 5, 6, 7]), start, 2)).dataSync();
    const { reason } = backendReport().compiles.at(-1)!;
    expect(reason).toBe("what varies is fed from now on: 0 became 3 in Slice, 2 became 5 in Slice");
  });
});

test("slices of two sizes are two programs", () => {
  tf.tidy(() => {
    const rows = tf.tensor1d([1, 2, 3, 4, 5, 6, 7]);
    for (const size of [2, 3, 2, 3])
      expect([...tf.exp(tf.slice(rows, size, size)).dataSync()].map((value) => Math.round(Math.log(value)))).toEqual(
        [1, 2, 3, 4, 5, 6, 7].slice(size, 2 * size),
      );
  });
});

test("one-hot rows of two depths are two programs", () => {
  tf.tidy(() => {
    const ids = tf.tensor1d([0, 1], "int32");
    for (const depth of [2, 3, 2, 3]) {
      const rows = tf.mul(tf.cast(tf.oneHot(ids, depth), "float32"), 2);
      expect(rows.arraySync()).toEqual(
        [0, 1].map((row) => Array.from({ length: depth }, (_, i) => (i === row ? 2 : 0))),
      );
    }
  });
});

test("not a number stays what it is behind a leak", () => {
  tf.tidy(() => {
    const given = [Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -2];
    const values = [...tf.leakyRelu(tf.tensor1d(given), 0.5).dataSync()];
    expect(values).toEqual([Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1]);
  });
});
