/** A compiled function never computes with what its program has replaced since it was traced. */
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { compile, ImpureFunctionError } from "./index.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const read = (tensor: tf.Tensor): number[] => {
  const values = [...tensor.dataSync()];
  tensor.dispose();
  return values;
};

/** Ways in which a function reads a variable. */
const readings: Readonly<Record<string, (x: tf.Tensor, w: tf.Variable) => tf.Tensor>> = {
  "as it is": (x, w) => tf.mul(x, w),
  "in another shape": (x, w) => tf.reshape(tf.mul(tf.reshape(x, [1, 2]), tf.reshape(w, [1, 2])), [2]),
  "through a slice": (x, w) => tf.mul(x, tf.slice(w, [0], [2])),
  "on the host": (x, w) => tf.mul(x, w.dataSync()[0]!),
};

describe.each([
  ["data", () => tf.tensor1d([2, 2.5])],
  ["a filled tensor", () => tf.fill([2], 2)],
  ["pending", () => tf.add(tf.tensor1d([1, 1.5]), 1)],
])("a variable of %s", (_, start) => {
  test.each(Object.entries(readings))("that is read %s is refused by name once it was assigned", (__, reading) => {
    tf.tidy(() => {
      const x = tf.tensor1d([1, 1]);
      const weight = tf.variable(start(), true, "encoder/weight");
      const apply = compile((input: tf.Tensor) => reading(input, weight));
      for (let i = 0; i < 5; i++) expect(read(apply(x))[0]).toBe(2);
      weight.assign(tf.tensor1d([7, 8]));
      expect(() => apply(x)).toThrow(ImpureFunctionError);
      weight.assign(tf.tensor1d([9, 10]));
      expect(read(apply(x))[0]).toBe(9); // from then on the function itself runs
      weight.dispose();
    });
  });
});

test("the message says which variable, and what to do", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1]);
    const weight = tf.variable(tf.tensor1d([2]), true, "head/bias");
    const apply = compile((input: tf.Tensor) => tf.add(input, weight));
    for (let i = 0; i < 4; i++) apply(x).dispose();
    weight.assign(tf.tensor1d([3]));
    expect(() => apply(x)).toThrow(
      'compile: the variable "head/bias" that the function reads was assigned after it was traced; pass it as an argument',
    );
    weight.dispose();
  });
});

test("a variable that was disposed of is refused by name", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1]);
    const weight = tf.variable(tf.tensor1d([2]), true, "gone");
    const apply = compile((input: tf.Tensor) => tf.add(input, weight));
    for (let i = 0; i < 4; i++) apply(x).dispose();
    weight.dispose();
    expect(() => apply(x)).toThrow('the variable "gone" that the function reads was disposed of after it was traced');
  });
});

test("a variable that was assigned the same values is no obstacle", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1]);
    const weight = tf.variable(tf.tensor1d([2]), true, "same");
    const apply = compile((input: tf.Tensor) => tf.add(input, weight));
    for (let i = 0; i < 6; i++) {
      expect(read(apply(x))).toEqual([3]);
      weight.assign(tf.tensor1d([2]));
    }
    weight.dispose();
  });
});

test("where tracing on is asked for, an assigned variable counts from the next call on", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1]);
    const weight = tf.variable(tf.tensor1d([0]), true, "traced");
    const apply = compile((input: tf.Tensor) => tf.add(input, weight), { impure: "trace" });
    for (let i = 0; i < 4; i++) expect(read(apply(x))).toEqual([1]);
    for (let i = 0; i < 6; i++) {
      weight.assign(tf.tensor1d([i]));
      expect(read(apply(x))).toEqual([1 + i]);
    }
    weight.dispose();
  });
});

test("a variable as an argument is read at every call", () => {
  tf.tidy(() => {
    const weight = tf.variable(tf.tensor1d([2]), true, "argument");
    const double = compile((input: tf.Tensor) => tf.mul(input, 2));
    for (let i = 0; i < 6; i++) {
      weight.assign(tf.tensor1d([i]));
      expect(read(double(weight))).toEqual([2 * i]);
    }
    weight.dispose();
  });
});

test("a function that assigns a variable is refused by name: a replay would not", () => {
  tf.tidy(() => {
    const x = tf.tensor1d([1]);
    const state = tf.variable(tf.tensor1d([0]), false, "state");
    const step = compile((input: tf.Tensor) => {
      state.assign(tf.mul(input, 3));
      return tf.neg(input);
    });
    expect(() => step(x)).toThrow('compile: the function assigns the variable "state"; return the new value instead');
    expect(read(step(x))).toEqual([-1]);
    state.dispose();
  });
});

test("an asynchronous function is refused with the reason, on every backend", async () => {
  const reason = /compile: the function is asynchronous, and a graph is traced in one go; await outside of it/;
  expect(() => compile(async (x: tf.Tensor) => tf.neg(x))).toThrow(reason);
  const hidden = compile((x: tf.Tensor) => Promise.resolve(tf.neg(x)));
  for (const backend of ["onnx", "cpu"]) {
    await tf.setBackend(backend);
    const x = tf.tensor1d([1]);
    const before = tf.memory().numTensors;
    expect(() => hidden(x)).toThrow(reason);
    await new Promise((resolve) => setImmediate(resolve));
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  }
});
