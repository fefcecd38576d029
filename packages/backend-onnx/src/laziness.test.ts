/** What laziness must not change, and what it must not keep. */
import * as tf from "@tensorflow/tfjs-core";
// @ts-expect-error A deep import without types: tfjs-core registers no gradients by itself, and vite resolves it.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import "./index.ts";
import { backendReport } from "./register.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

test("an array that changes after tensor() does not change the tensor", () => {
  tf.tidy(() => {
    const buffer = Float32Array.of(1, 2);
    const doubled = tf.mul(tf.tensor1d(buffer), 2);
    buffer[0] = 100;
    expect([...doubled.dataSync()]).toEqual([2, 4]);
  });
});

test("two reads at once both get their values", async () => {
  const [a, b] = tf.tidy(() => {
    const x = tf.tensor1d([1, 2]);
    return [tf.mul(x, 3), tf.add(x, 5)];
  });
  expect(await Promise.all([a!.data(), b!.data()])).toEqual([Float32Array.of(3, 6), Float32Array.of(6, 7)]);
  tf.dispose([a!, b!]);
});

test("one read runs everything that is pending, in one graph", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1, 2]);
    const [a, b] = [tf.mul(x, 3), tf.add(x, 5)];
    const before = backendReport().runs;
    a.dataSync();
    b.dataSync();
    expect(backendReport().runs - before).toBe(1);
  });
});

test("a read while the tape records runs only what it needs, and gradients stay right", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1, 2, 3]);
    const gradient = tf.grad((y: tf.Tensor) => {
      const unrelated = tf.exp(y);
      const squared = tf.square(y);
      squared.dataSync();
      expect(backendReport().pendingValues).toBeGreaterThan(0);
      return tf.add(tf.sum(squared), tf.mul(tf.sum(unrelated), 0)) as tf.Scalar;
    })(x);
    expect([...gradient.dataSync()]).toEqual([2, 4, 6]);
  });
});

test("an index out of range is refused where the operation is called, as on the plain backend", () => {
  tf.tidy(() => {
    expect(() => tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([2], "int32"))).toThrow(/index value 2 is not in \[0, 1\]/);
  });
});

test("a graph that fails names its kernel, and unrelated tensors still get their values", () => {
  tf.tidy(() => {
    const table = tf.tensor1d([1, 2]);
    const computed = tf.cast(tf.add(tf.tensor1d([3, 4]), 0), "int32"); // unknown to the host when gather is called
    const bad = tf.gather(table, computed as tf.Tensor1D);
    const dependent = tf.mul(bad, 2);
    const good = tf.mul(table, 2);
    expect([...good.dataSync()]).toEqual([2, 4]);
    expect(() => bad.dataSync()).toThrow(/GatherV2/);
    expect(() => dependent.dataSync()).toThrow(/GatherV2/);
    expect([...tf.add(good, 1).dataSync()]).toEqual([3, 5]);
  });
});

test("a step of a repeated structure compiles once, and its scalars become feeds when they vary", () => {
  const step = (rate: number): number =>
    tf.tidy(() => tf.sum(tf.mul(tf.tensor1d([1, 2, 3]), tf.scalar(rate))).dataSync()[0]!);
  const results = [0.5, 0.5, 0.25].map(step);
  expect(results).toEqual([3, 3, 1.5]);
  const before = backendReport().compileCount;
  expect([0.1, 0.2, 0.3, 0.4].map(step).map((x) => Math.round(x * 1e4) / 1e4)).toEqual([0.6, 1.2, 1.8, 2.4]);
  expect(backendReport().compileCount).toBe(before);
  expect(backendReport().compiles.at(-1)!.reason).toMatch(/0.5 became 0.25/);
});

test("hundreds of pending operations wait for a read, and are one run", () => {
  tf.tidy(() => {
    const before = backendReport();
    let x: tf.Tensor = tf.tensor1d([1, 2]);
    for (let i = 0; i < 200; i++) x = tf.tidy(() => tf.add(tf.neg(x), 1));
    expect(backendReport().runs).toBe(before.runs);
    expect([...x.dataSync()]).toEqual([1, 2]);
    expect(backendReport().runs).toBe(before.runs + 1);
  });
});

test("a step that is read is one run, however many weights it moves", () => {
  tf.tidy(() => {
    const weights = Array.from({ length: 60 }, (_, i) => tf.variable(tf.tensor1d([i / 60, 1])));
    const optimizer = tf.train.adam(0.01);
    const x = tf.tensor1d([1, 2]);
    const step = (): number => {
      const before = backendReport().runs;
      const product = (): tf.Scalar =>
        weights.reduce<tf.Tensor>(
          (sum, weight) => tf.add(sum, tf.mean(tf.square(tf.sub(weight, x)))),
          tf.scalar(0),
        ) as tf.Scalar;
      optimizer.minimize(product, true)!.dataSync();
      return backendReport().runs - before;
    };
    expect([1, 2, 3, 4, 5].map(step)).toEqual([1, 1, 1, 1, 1]);
    const settled = backendReport().compileCount;
    step();
    expect(backendReport().compileCount).toBe(settled);
    for (const weight of weights) weight.dispose();
    optimizer.dispose();
  });
});

test("an array that was read stays as it was when its tensor is disposed of and others are made", () => {
  const x = tf.tidy(() => tf.exp(tf.tensor1d(new Float32Array(1_000))));
  const read = x.dataSync();
  x.dispose();
  for (let i = 0; i < 20; i++) tf.tidy(() => void tf.neg(tf.tensor1d(new Float32Array(1_000).fill(i))).dataSync());
  expect(read.every((value) => value === 1)).toBe(true);
});

test("the same step gives the same bits, sums over repeated indices included", () => {
  const table = tf.randomNormal([50, 64], 0, 1, "float32", 1);
  const weight = tf.randomNormal([64, 64], 0, 1, "float32", 2) as tf.Tensor2D;
  const step = (): Float32Array =>
    tf.tidy(() => {
      const ids = tf.tensor1d(
        Array.from({ length: 4_000 }, (_, i) => (i * 7) % 50),
        "int32",
      );
      const loss = (x: tf.Tensor): tf.Scalar => tf.sum(tf.tanh(tf.matMul(tf.gather(x, ids) as tf.Tensor2D, weight)));
      return tf.grad(loss)(table).dataSync<"float32">();
    });
  const first = step();
  for (let i = 0; i < 5; i++) expect(step()).toEqual(first);
  tf.dispose([table, weight]);
});

test("a pending tensor that is disposed of is never computed", () => {
  const before = backendReport();
  const x = tf.tensor1d([1, 2]);
  const y = tf.exp(x);
  y.dispose();
  x.dispose();
  expect(backendReport().pendingValues).toBe(before.pendingValues);
  expect(backendReport().runs).toBe(before.runs);
});

test("a tensor outlives the disposal of what it was made from", () => {
  const x = tf.tensor1d([1, 2]);
  const y = tf.add(x, 1);
  const z = tf.reshape(y, [2, 1]);
  x.dispose();
  y.dispose();
  expect([...z.dataSync()]).toEqual([2, 3]);
  z.dispose();
});

test("strings and other backends' tensors pass through", async () => {
  const words = tf.tensor1d(["a", "b"], "string");
  expect(await words.data()).toEqual(["a", "b"]);
  words.dispose();
  await tf.setBackend("cpu");
  const there = tf.tensor1d([1, 2]);
  await tf.setBackend("onnx");
  expect([...tf.tidy(() => tf.add(there, 1).dataSync())]).toEqual([2, 3]);
  there.dispose();
});

describe("gradients", () => {
  test("a frozen weight's gradient is neither computed nor traced", () => {
    tf.tidy(() => {
      const [x, frozen, trained] = [
        tf.ones([4, 3]),
        tf.randomNormal([3, 3], 0, 1, "float32", 1),
        tf.randomNormal([3, 3], 0, 1, "float32", 2),
      ];
      const loss = (w: tf.Tensor): tf.Scalar =>
        tf.sum(tf.matMul(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), frozen as tf.Tensor2D));
      tf.grad(loss)(trained).dataSync();
      // forward 2 products, backward 2 (for the trained weight and for what it feeds); the frozen weight would need a fifth.
      expect(backendReport().compiles.at(-1)!.nodeCount).toBeLessThanOrEqual(7);
    });
  });
});
