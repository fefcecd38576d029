/** Products in 8 bits: the native kernels against the plain ones, and against sums of integers. */
import {
  type CustomKernel,
  type QuantisedMatrix,
  quantisedLinearGradKernel,
  quantisedLinearKernel,
  quantisedWeightKernel,
} from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { hostValue, type Value } from "../graph.ts";
import { backendReport, compile } from "../index.ts";
import { traceProgram } from "../program.ts";
import { operation } from "../tracer.ts";
import { quantisedKernels } from "./quantised.ts";

afterAll(async () => {
  await tf.setBackend("cpu");
});

let seed = 1;
const uniform = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const floats = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * uniform() - 1);

/** A matrix of codes by output and input. */
function matrixOf(out: number, input: number, code: (o: number, i: number) => number): QuantisedMatrix {
  const codes = new Int8Array(out * input);
  for (let o = 0; o < out; o++) for (let i = 0; i < input; i++) codes[i * out + o] = code(o, i);
  return { shape: [out, input], codes, scales: floats(out).map((x) => Math.abs(x) + 0.01) };
}

/** The largest codes that neighbours along both axes may have. */
const extreme = (o: number, i: number): number =>
  ((o + i) % 2 === 0 ? 127 : 1) * (((o >> 1) + (i >> 1)) % 3 === 0 ? -1 : 1);
const drawn = (): number => Math.round(64 * (2 * uniform() - 1));

interface Numbers {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** Runs kernels on a backend with inputs and its own weight, and reads the result. */
async function runOn(
  backend: string,
  kernel: CustomKernel,
  matrix: QuantisedMatrix,
  inputs: Readonly<Record<string, Numbers>>,
): Promise<Float32Array> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const run = (name: CustomKernel, given: object, attributes: object): tf.Tensor =>
      backend === "cpu"
        ? (name.composite(given as never, attributes as never) as tf.Tensor)
        : (tf.engine().runKernel(name.name, given as never, attributes as never) as tf.Tensor);
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, { values, shape }]) => [name, tf.tensor(values, [...shape])]),
    );
    const weight = run(quantisedWeightKernel, {}, { matrix });
    const made = run(kernel, { bias: tf.scalar(0), ...tensors, weight }, { matrix, hasBias: "bias" in inputs });
    return made.dataSync() as Float32Array;
  });
}

const sizes = [
  [1, 1, 1],
  [1, 64, 32],
  [3, 7, 5],
  [5, 130, 33],
  [64, 96, 48],
  [2000, 12, 20],
] as const;

describe.each(sizes)("%i rows from %i to %i channels", (rows, input, out) => {
  /** Rounding errors of float32 sums in two orders, against the largest sum that there can be: of inputs and scales below 1. */
  const tolerance = { relative: 0, absolute: 2e-6 * 127 * Math.max(input, out) };

  test.each([
    ["drawn", drawn],
    ["the largest", extreme],
  ])("multiply with %s codes as the plain kernel does", async (_, code) => {
    const matrix = matrixOf(out, input, code);
    const inputs = {
      x: { values: floats(rows * input), shape: [rows, input] },
      bias: { values: floats(out), shape: [out] },
    };
    const native = await runOn("onnx", quantisedLinearKernel, matrix, inputs);
    expect(native).toBeAllClose(await runOn("cpu", quantisedLinearKernel, matrix, inputs), tolerance);
  });

  test.each([
    ["drawn", drawn],
    ["the largest", extreme],
  ])("pass gradients on with %s codes as the plain kernel does", async (_, code) => {
    const matrix = matrixOf(out, input, code);
    const inputs = { dy: { values: floats(rows * out), shape: [rows, out] } };
    const native = await runOn("onnx", quantisedLinearGradKernel, matrix, inputs);
    expect(native).toBeAllClose(await runOn("cpu", quantisedLinearGradKernel, matrix, inputs), tolerance);
  });
});

test.each([1, 3, 64])(
  "%i rows of whole numbers give sums without any error, at the limits of every code",
  async (rows) => {
    const [input, out] = [770, 35];
    const matrix = { ...matrixOf(out, input, extreme), scales: new Float32Array(out).fill(1) };
    // Rows that hold 0 and 255 have steps of 1.
    const values = Float32Array.from({ length: rows * input }, (_, k) =>
      k % input === 0 ? 0 : k % 5 === 0 ? k % 256 : 255,
    );
    const native = await runOn("onnx", quantisedLinearKernel, matrix, { x: { values, shape: [rows, input] } });
    let worst = 0;
    for (let row = 0; row < rows; row++)
      for (let o = 0; o < out; o++) {
        let sum = 0;
        for (let i = 0; i < input; i++) sum += values[row * input + i]! * matrix.codes[i * out + o]!;
        worst = Math.max(worst, Math.abs(native[row * out + o]! - sum));
      }
    expect(worst).toBeLessThanOrEqual(4); // of 24 million, which a float32 holds to 2
  },
);

test.each([
  ["1e30", [1e30, -1e30, 5e29, 0]],
  ["all equal", [2.5, 2.5, 2.5, 2.5]],
  ["zeros", [0, 0, 0, 0]],
  ["1e-30", [1e-30, -1e-30, 0, 1e-30]],
  ["NaN at the end", [1, 2, 3, Number.NaN]],
  ["NaN in front", [Number.NaN, 2, 3, 4]],
  ["an infinity", [1, Number.NEGATIVE_INFINITY, 3, 4]],
])("rows of %s are multiplied as by the plain kernel", async (_, row) => {
  const matrix = matrixOf(3, 4, drawn);
  const inputs = { x: { values: Float32Array.from([...row, 1, -2, 3, 4]), shape: [2, 4] } };
  const native = [...(await runOn("onnx", quantisedLinearKernel, matrix, inputs))];
  const plain = [...(await runOn("cpu", quantisedLinearKernel, matrix, inputs))];
  expect(native.map(Number.isNaN)).toEqual(plain.map(Number.isNaN));
  const size = Math.max(1e-38, ...row.filter(Number.isFinite).map(Math.abs));
  const numbers = (values: number[]): number[] => values.map((value) => (Number.isNaN(value) ? 0 : value));
  expect(numbers(native).slice(0, 3)).toBeAllClose(numbers(plain).slice(0, 3), { relative: 0, absolute: 1e-4 * size });
  expect(native.slice(3)).toBeAllClose(plain.slice(3), { relative: 0, absolute: 1e-4 });
});

test("layers that read one tensor share its codes", () => {
  const x = operation("Exp", [hostValue(floats(8), [2, 4], "float32")], [2, 4], "float32");
  const inputs = { x: { shape: [2, 4], dtype: "float32" as const, value: x } };
  const products = [3, 5, 4].map((out) => {
    const attributes = { matrix: matrixOf(out, 4, drawn), hasBias: false };
    return quantisedKernels["QuantisedLinear"]!(inputs, attributes as never) as Value;
  });
  const types = traceProgram(products).operations.map(({ type }) => type);
  expect(types.filter((type) => type === "MatMulIntegerToFloat")).toHaveLength(3);
  expect(types.filter((type) => type === "QuantizeLinear")).toHaveLength(1);
});

test("a weight is made when it is read, and only then", async () => {
  await tf.setBackend("onnx");
  tf.tidy(() => {
    const matrix = matrixOf(300, 500, drawn);
    const bytes = backendReport().liveBytes;
    const weight = tf.engine().runKernel(quantisedWeightKernel.name, {}, { matrix } as never) as tf.Tensor;
    const x = tf.tensor2d(floats(500), [1, 500]);
    const multiply = (): tf.Tensor =>
      tf.engine().runKernel(quantisedLinearKernel.name, { x, weight, bias: tf.scalar(0) }, {
        matrix,
        hasBias: false,
      } as never) as tf.Tensor;
    multiply().dataSync();
    expect(backendReport().liveBytes - bytes).toBeLessThan(50_000);
    const read = weight.dataSync();
    expect(read[1 * 500 + 2]).toBe(Math.fround(matrix.codes[2 * 300 + 1]! * matrix.scales[1]!));
  });
});

test("a compiled function that multiplies in 8 bits, or with the weight as floats, is replayed", async () => {
  await tf.setBackend("onnx");
  tf.tidy(() => {
    const matrix = matrixOf(6, 5, drawn);
    const weight = tf.engine().runKernel(quantisedWeightKernel.name, {}, { matrix } as never) as tf.Tensor2D;
    let traces = 0;
    const run = compile((x: tf.Tensor2D) => {
      traces++;
      const inputs = { x, weight, bias: tf.scalar(0) };
      const product = tf.engine().runKernel(quantisedLinearKernel.name, inputs, { matrix, hasBias: false } as never);
      return [product as tf.Tensor, tf.matMul(x, weight, false, true)];
    });
    for (let i = 0; i < 6; i++) {
      const x = tf.tensor2d(floats(10), [2, 5]);
      const [quantised, plain] = run(x) as [tf.Tensor, tf.Tensor];
      // Half a step of at most 2 / 255 on each of five products with weights below 64 · 1.01.
      expect(quantised.dataSync()).toBeAllClose(plain.dataSync(), { relative: 0, absolute: (5 * 65) / 255 });
      expect(plain.dataSync()).toBeAllClose(tf.matMul(x, weight, false, true).dataSync());
    }
    expect(traces).toBe(3);
  });
});
