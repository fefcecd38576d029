/** Programs that read nothing for long are run where their steps end. */
import * as tf from "@tensorflow/tfjs-core";
// @ts-expect-error A deep import without types: tfjs-core registers no gradients by itself, and vite resolves it.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterAll, beforeEach, expect, test } from "vitest";
import "./index.ts";
import { backendReport } from "./register.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

/** Programs that read nothing for thousands of steps, with the most kernels that one of their steps has. */
const unread: Readonly<Record<string, () => tf.Tensor>> = {
  "a chain in scopes": () => {
    let x: tf.Tensor = tf.tensor1d([1, 2]);
    for (let i = 0; i < 4_000; i++) x = tf.tidy(() => tf.add(tf.neg(x), 1));
    return x;
  },
  "a moving average that a variable is assigned": () => {
    const average = tf.variable(tf.tensor1d([1, 2]), false);
    const target = tf.tensor1d([3, 5]);
    for (let i = 0; i < 4_000; i++) tf.tidy(() => average.assign(tf.add(tf.mul(average, 0.99), tf.mul(target, 0.01))));
    return average;
  },
  "gradient steps of an optimiser": () => {
    const weight = tf.variable(tf.tensor2d([[1], [2]]));
    const optimizer = tf.train.adam(0.01);
    const [x, y] = [tf.tensor2d([[1, 2], [3, 4], [5, 6]]), tf.tensor2d([[1], [2], [3]])]; // biome-ignore format: as matrices
    for (let i = 0; i < 500; i++)
      optimizer.minimize(() => tf.mean(tf.square(tf.sub(tf.matMul(x, weight as tf.Tensor2D), y))) as tf.Scalar);
    optimizer.dispose();
    return weight;
  },
  "a sum over slices, without scopes": () => {
    const rows = tf.reshape(tf.range(0, 3_000), [1_500, 2]);
    let sum = tf.tensor1d([0, 0]);
    for (let i = 0; i < 1_500; i++) sum = tf.add(tf.mul(sum, 0.5), tf.reshape(tf.slice(rows, [i, 0], [1, 2]), [2]));
    return sum;
  },
};

test.each(Object.entries(unread))("%s is made in parts of one structure", async (_, program) => {
  const run = (): number[] => {
    const values = tf.tidy(() => {
      const result = program();
      const read = [...result.dataSync()];
      if (result instanceof tf.Variable) result.dispose();
      return read;
    });
    return values;
  };
  const before = backendReport();
  const values = run();
  const after = backendReport();
  expect(after.runs - before.runs).toBeGreaterThan(10);
  expect(after.compileCount - before.compileCount).toBeLessThanOrEqual(6);
  const compiles = after.compiles.slice(before.compileCount - after.compileCount);
  expect(Math.max(...compiles.map(({ nodeCount }) => nodeCount))).toBeLessThan(2_000);
  run(); // from its beginning on with a period that is known
  const settled = backendReport().compileCount;
  expect(run()).toEqual(values);
  expect(backendReport().compileCount).toBe(settled);
  await tf.setBackend("cpu");
  for (const [i, value] of run().entries()) expect(Math.abs(value - values[i]!)).toBeLessThan(1e-3 * Math.abs(value)); // drift of 4,000 steps in float32
});

test("a program that never repeats is made in parts as well", () => {
  tf.tidy(() => {
    const before = backendReport();
    let [x, seed]: [tf.Tensor, number] = [tf.tensor1d([1, 2]), 1];
    for (let i = 0; i < 9_000; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      x = tf.tidy(() => (seed > 2 ** 31 ? tf.neg(x) : tf.relu(tf.add(x, 1))));
    }
    x.dataSync();
    const { compiles, runs } = backendReport();
    expect(runs - before.runs).toBe(2);
    expect(compiles.at(-2)!.nodeCount).toBeLessThan(8_500);
  });
});
