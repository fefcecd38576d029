/** Waiting is about time only. */
import { afterKernel } from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, expect, test } from "vitest";
import "../index.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const after = (x: tf.Tensor, value: tf.Tensor): tf.Tensor =>
  tf.engine().runKernel(afterKernel.name, { x, after: value } as never) as tf.Tensor;

test("waiting changes no value and no shape, and waits for NaN as for any other number", () => {
  tf.tidy(() => {
    const x = tf.exp(tf.tensor2d([[1, 2, 3]]));
    for (const value of [tf.tensor1d([1, 2]), tf.tensor1d([Number.NaN]), tf.scalar(-1), tf.zeros([3]), tf.zeros([0])]) {
      const waiting = after(x, tf.neg(value));
      expect(waiting.shape).toEqual([1, 3]);
      expect([...tf.reshape(tf.mul(waiting, 2), [3]).dataSync()]).toEqual([...tf.mul(x, 2).dataSync()]);
    }
  });
});
