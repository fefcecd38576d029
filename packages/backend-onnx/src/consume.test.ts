/** A step of Adam that may take the memory of its inputs: where it does, where it must not, and that results are equal. */
import { type AdamInputs, type AdamResults, adamKernel } from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { compile } from "./index.ts";
import { onOnnx } from "./numerics/on-onnx.fixture.ts";

onOnnx();

const SIZE = 1000;

/** A tensor that a graph has made, as parameters are after their first step. */
function made(seed: number): tf.Tensor {
  const start = tf.tensor1d(Float32Array.from({ length: SIZE }, (_, i) => Math.abs(Math.sin(i * seed)) + 0.1));
  const tensor = tf.mul(start, 1.5);
  tf.sum(tensor).dataSync(); // runs the graph; the elements stay unseen
  return tensor;
}

const makeInputs = (): AdamInputs => ({
  parameter: made(1),
  gradient: made(2),
  firstMoment: made(3),
  secondMoment: made(4),
  beta1: tf.tensor1d([0.9]),
  beta2: tf.tensor1d([0.99]),
  rate: tf.tensor1d([0.01]),
  epsilon: tf.tensor1d([1e-6]),
  decay: tf.tensor1d([0.999]),
});

function step(inputs: AdamInputs, donate: boolean): AdamResults<tf.Tensor> {
  const given = inputs as unknown as tf.NamedTensorMap;
  const [parameter, firstMoment, secondMoment] = tf.engine().runKernel(adamKernel.name, given, {
    donate,
  }) as unknown as tf.Tensor[];
  return { parameter: parameter!, firstMoment: firstMoment!, secondMoment: secondMoment! };
}

const NAMES = ["parameter", "firstMoment", "secondMoment"] as const;
const valuesOf = (results: AdamResults<tf.Tensor>): number[][] => NAMES.map((name) => [...results[name].dataSync()]);
const isConsumed = (tensor: tf.Tensor): boolean => {
  try {
    tensor.dataSync();
    return false;
  } catch (error) {
    expect((error as Error).message).toContain("was consumed by a step");
    return true;
  }
};

test("the step on the host equals that of a graph, bit for bit, and takes the memory of all three", () => {
  tf.tidy(() => {
    const expected = valuesOf(step(makeInputs(), false));
    const inputs = makeInputs();
    expect(valuesOf(step(inputs, true))).toEqual(expected);
    expect(NAMES.map((name) => isConsumed(inputs[name]))).toEqual([true, true, true]);
    expect(isConsumed(inputs.gradient)).toBe(false);
  });
});

test("a second step goes on where the first one ended", () => {
  tf.tidy(() => {
    const inputs = makeInputs();
    const expected = valuesOf(step({ ...inputs, ...step(inputs, false) }, false));
    const others = makeInputs();
    expect(valuesOf(step({ ...others, ...step(others, true) }, true))).toEqual(expected);
  });
});

test.each<[string, (parameter: tf.Tensor) => tf.Tensor | ArrayLike<number>]>([
  ["its elements were given away", (parameter) => parameter.dataSync()],
  ["another tensor shares it", (parameter) => tf.clone(parameter)],
  ["another tensor is another shape of it", (parameter) => tf.reshape(parameter, [10, -1])],
  ["a pending operation reads it", (parameter) => tf.exp(parameter)],
  ["a compiled function has captured it", (parameter) => compile(() => tf.exp(parameter))()],
])("memory is not taken when %s", (_, use) => {
  const read = (used: ReturnType<typeof use>): number[] =>
    Array.from(used instanceof tf.Tensor ? used.dataSync() : used);
  tf.tidy(() => {
    const inputs = makeInputs();
    const used = use(inputs.parameter);
    expect(valuesOf(step(inputs, true))).toEqual(valuesOf(step(makeInputs(), false)));
    expect(read(inputs.parameter)).toEqual(read(made(1)));
    expect(read(used)).toEqual(read(use(made(1))));
  });
});

test("memory is not taken when a compiled function goes on reading it in another shape", () => {
  tf.tidy(() => {
    const inputs = makeInputs();
    const sums = compile(() => tf.sum(tf.reshape(inputs.parameter, [10, -1]), 0));
    const before = Array.from({ length: 4 }, () => [...sums().dataSync()])[3]; // the last one is replayed
    step(inputs, true);
    expect([...sums().dataSync()]).toEqual(before);
  });
});

test("an array that the program owns is not written to", () => {
  tf.tidy(() => {
    const own = new Float32Array(2 ** 18 + 1).fill(0.5); // large enough to be borrowed
    const tensor = (): tf.Tensor => tf.tensor1d(own);
    const scalars = makeInputs();
    step({ ...scalars, parameter: tensor(), gradient: tensor(), firstMoment: tensor(), secondMoment: tensor() }, true);
    expect(own.every((element) => element === 0.5)).toBe(true);
  });
});

test("while the gradient is pending, the step is part of the graph", () => {
  tf.tidy(() => {
    const inputs = makeInputs();
    const pending = { ...inputs, gradient: tf.mul(inputs.gradient, 1) };
    const results = step(pending, true);
    expect(NAMES.map((name) => isConsumed(inputs[name]))).toEqual([false, false, false]);
    expect(valuesOf(results)).toEqual(valuesOf(step(makeInputs(), false)));
  });
});
