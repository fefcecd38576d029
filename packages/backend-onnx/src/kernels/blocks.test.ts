/** Products with weights in blocks: both lowerings and the plain kernels, against sums of the weights that the codes mean. */
import {
  type BlockBits,
  type BlockMatrix,
  blockBytes,
  blockLinearGradKernel,
  blockLinearKernel,
  blockRowsKernel,
  blocksOf,
  blockWeightKernel,
  type CustomKernel,
  dequantiseBlocks,
} from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { hostValue, type Operation, type Value } from "../graph.ts";
import { backendReport, compile } from "../index.ts";
import { lowerFed, lowerStored } from "../lower-blocks.ts";
import { loadNativeRuntime } from "../native.ts";
import { encodeModel, type Initializer } from "../onnx-model.ts";
import { operation } from "../tracer.ts";
import { blockKernels } from "./blocks.ts";

afterAll(async () => {
  await tf.setBackend("cpu");
});

let seed = 1;
const uniform = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const floats = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * uniform() - 1);

interface Shape {
  readonly rows: number;
  readonly input: number;
  readonly out: number;
  readonly bits: BlockBits;
  readonly minima: boolean;
}

function matrixOf({ input, out, bits, minima }: Shape, byte = (): number => Math.floor(256 * uniform())): BlockMatrix {
  const count = out * blocksOf(input);
  return {
    shape: [out, input],
    bits,
    codes: Uint8Array.from({ length: count * blockBytes(bits) }, byte),
    scales: floats(count), // of both signs
    ...(minima && { minima: floats(count) }),
  };
}

/** A weight by the definition, in doubles. */
function weightAt({ shape: [, input], bits, codes, scales, minima }: BlockMatrix, o: number, i: number): number {
  const place = o * blocksOf(input) + Math.floor(i / 32);
  const k = i % 32;
  const byte = codes[place * blockBytes(bits) + (bits === 4 ? Math.floor(k / 2) : k)]!;
  const code = bits === 8 ? byte : k % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
  return minima === undefined ? scales[place]! * (code - 2 ** (bits - 1)) : scales[place]! * code + minima[place]!;
}

/** `x Wᵀ`, `[rows, out]`, and the size of its terms. */
function productOf(x: Float32Array, matrix: BlockMatrix, rows: number): { sums: number[]; size: number } {
  const [out, input] = matrix.shape;
  const weight = Array.from({ length: out * input }, (_, k) => weightAt(matrix, Math.floor(k / input), k % input));
  let size = 0;
  const sums = Array.from({ length: rows * out }, (_, k) => {
    const [row, o] = [Math.floor(k / out), k % out];
    let [sum, all] = [0, 0];
    for (let i = 0; i < input; i++) {
      const term = x[row * input + i]! * weight[o * input + i]!;
      sum += term;
      all += Math.abs(term);
    }
    size = Math.max(size, all);
    return sum;
  });
  return { sums, size };
}

/** `dy W`, `[rows, in]`. */
function gradientOf(dy: Float32Array, matrix: BlockMatrix, rows: number): number[] {
  const [out, input] = matrix.shape;
  return Array.from({ length: rows * input }, (_, k) => {
    const [row, i] = [Math.floor(k / input), k % input];
    let sum = 0;
    for (let o = 0; o < out; o++) sum += dy[row * out + o]! * weightAt(matrix, o, i);
    return sum;
  });
}

/** Runs operators, with everything that the host has as a constant of the graph. */
function runOperators(operations: readonly Operation[]): Float32Array {
  const names = new Map<Value, string>();
  const constants: Initializer[] = [];
  const nameOf = (value: Value | undefined): string => {
    if (value === undefined) return "";
    let name = names.get(value);
    if (name === undefined) {
      name = `v${names.size}`;
      names.set(value, name);
      if (value.data !== undefined) constants.push({ name, shape: value.shape, type: value.type, data: value.data });
    }
    return name;
  };
  const nodes = operations.map(({ type, domain, inputs, outputs, attributes }, i) => ({
    name: `${type} ${i}`,
    type,
    domain,
    inputs: inputs.map(nameOf),
    outputs: outputs.map(nameOf),
    attributes,
  }));
  const [made] = operations.at(-1)!.outputs as [Value];
  const output = { name: nameOf(made), shape: made.shape, type: made.type };
  const session = loadNativeRuntime().createSession(encodeModel(nodes, constants, [], [output]), {
    threads: 1,
    spinning: false,
    fastMath: false,
  });
  const read = Float32Array.from(session.run({}, { [output.name]: null })[output.name]!.data as Float32Array);
  session.dispose();
  return read;
}

const input = (value: Value) => ({ x: { shape: [...value.shape], dtype: "float32" as const, value } });
const traced = (name: string, inputs: object, matrix: BlockMatrix): Operation =>
  (blockKernels[name]!(inputs as never, { matrix, hasBias: false } as never) as Value).producer!;

const shapes: Shape[] = [
  { rows: 1, input: 32, out: 1, bits: 4, minima: false },
  { rows: 1, input: 64, out: 48, bits: 4, minima: true },
  { rows: 3, input: 7, out: 5, bits: 4, minima: false },
  { rows: 5, input: 130, out: 33, bits: 4, minima: false },
  { rows: 5, input: 130, out: 33, bits: 4, minima: true },
  { rows: 40, input: 576, out: 96, bits: 4, minima: true },
  { rows: 1, input: 32, out: 3, bits: 8, minima: false },
  { rows: 3, input: 70, out: 5, bits: 8, minima: false },
  { rows: 40, input: 192, out: 64, bits: 8, minima: false },
  { rows: 2, input: 96, out: 10, bits: 8, minima: true },
];

describe.each(shapes)("$rows rows from $input to $out channels in $bits bits, minima $minima", (shape) => {
  const matrix = matrixOf(shape);
  const x = floats(shape.rows * shape.input);
  const dy = floats(shape.rows * shape.out);
  const { sums, size } = productOf(x, matrix, shape.rows);
  /** Rounding errors of float32 sums. */
  const near = { relative: 0, absolute: 1e-6 * size };
  const xValue = (): Value => hostValue(x, [shape.rows, shape.input], "float32");

  test("the fed lowering is the product, and its transpose the gradient", () => {
    expect(runOperators(lowerFed(traced("BlockLinear", input(xValue()), matrix)))).toBeAllClose(sums, near);
    const given = { dy: { value: hostValue(dy, [shape.rows, shape.out], "float32"), shape: [shape.rows, shape.out] } };
    const gradient = runOperators(lowerFed(traced("BlockLinearGrad", given, matrix)));
    expect(gradient).toBeAllClose(gradientOf(dy, matrix, shape.rows), { relative: 0, absolute: 1e-4 * shape.out });
  });

  test("the stored lowering is the product at level 0, and within the rounding of its inputs at level 4", () => {
    const given = traced("BlockLinear", input(xValue()), matrix);
    const { operations, stored } = lowerStored(given, 0);
    expect(stored).toHaveLength(shape.minima ? 3 : 2);
    // Minima are added by other sums than those of the definition, whose terms may be larger.
    expect(runOperators(operations)).toBeAllClose(sums, { relative: 0, absolute: 4e-6 * Math.max(1, size) });
    // Half a step of a 127th of the largest of 32 inputs, on as many codes up to the middle one.
    const most = x.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const bound = (most / 127 / 2) * shape.input * 2 ** (shape.bits - 1);
    expect(runOperators(lowerStored(given).operations)).toBeAllClose(sums, { relative: 0, absolute: bound });
  });

  test("the kernels give the same on both backends", async () => {
    const ids = Int32Array.from([shape.out - 1, 0, 0, shape.out >> 1]);
    const results: Float32Array[][] = [];
    for (const backend of ["cpu", "onnx"]) {
      await tf.setBackend(backend);
      tf.tidy(() => {
        const run = (kernel: CustomKernel, given: object, attributes: object): tf.Tensor =>
          backend === "cpu"
            ? (kernel.composite(given as never, attributes as never) as tf.Tensor)
            : (tf.engine().runKernel(kernel.name, given as never, attributes as never) as tf.Tensor);
        for (const isTurned of [false, true]) {
          const given = { matrix: { ...matrix, isTurned }, hasBias: true };
          const weight = run(blockWeightKernel, {}, given);
          const [rows, gradients] = [
            tf.tensor2d(x, [shape.rows, shape.input]),
            tf.tensor2d(dy, [shape.rows, shape.out]),
          ];
          const bias = tf.linspace(0, 1, shape.out);
          const made = [
            run(blockLinearKernel, { x: rows, weight, bias }, given),
            run(blockLinearGradKernel, { dy: gradients, weight }, given),
            weight,
            ...(isTurned ? [] : [run(blockRowsKernel, { weight, ids: tf.tensor2d(ids, [2, 2]) }, given)]),
          ];
          results.push(made.map((tensor) => tensor.dataSync() as Float32Array));
        }
      });
    }
    const [plain, plainTurned, native, nativeTurned] = results as [
      Float32Array[],
      Float32Array[],
      Float32Array[],
      Float32Array[],
    ];
    for (const [got, expected] of [
      [native, plain],
      [nativeTurned, plainTurned],
      [plainTurned.slice(0, 2), plain.slice(0, 2)],
    ] as const) {
      expect(got[0]).toBeAllClose(expected[0]!, near);
      expect(got[1]).toBeAllClose(expected[1]!, { relative: 0, absolute: 1e-4 * shape.out });
      for (const [i, values] of got.entries()) if (i >= 2) expect([...values]).toEqual([...expected[i]!]);
    }
    const weights = dequantiseBlocks(matrix);
    expect([...plain[2]!]).toEqual([...weights]);
    const rowOf = (id: number): number[] => [...weights.subarray(id * shape.input, (id + 1) * shape.input)];
    expect([...plain[3]!]).toEqual([...ids].flatMap(rowOf));
  });
});

test.each([4, 8] as const)("level 4 cuts off no sums of the largest codes in %i bits", (bits) => {
  const shape = { rows: 4, input: 512, out: 16, bits, minima: false };
  for (const byte of [0, 255]) {
    const matrix = { ...matrixOf(shape, () => byte), scales: new Float32Array(16 * 16).fill(1) };
    const x = new Float32Array(4 * 512).fill(1);
    const given = traced("BlockLinear", input(hostValue(x, [4, 512], "float32")), matrix);
    // Equal inputs are whole steps.
    const expected = new Float32Array(64).fill(512 * weightAt(matrix, 0, 0));
    expect(runOperators(lowerStored(given).operations)).toBeAllClose(expected, { relative: 1e-5, absolute: 0 });
  }
});

test("a block of zeros is zeros, and one of NaN is NaN", () => {
  const matrix = matrixOf({ rows: 1, input: 64, out: 2, bits: 4, minima: false });
  const scales = Float32Array.of(0, 1, Number.NaN, 1);
  const x = new Float32Array(64).fill(1);
  const given = traced("BlockLinear", input(hostValue(x, [1, 64], "float32")), { ...matrix, scales });
  const half = { ...matrix, scales: Float32Array.of(0, 1, 0, 1) };
  const [first, second] = runOperators(lowerFed(given));
  expect(first).toBeCloseTo(productOf(x, half, 1).sums[0]!, 4);
  expect(second).toBeNaN();
});

test("weights are made as floats when they are read, and only then", async () => {
  await tf.setBackend("onnx");
  const matrices = Array.from({ length: 6 }, () => ({
    ...matrixOf({ rows: 1, input: 256, out: 256, bits: 4, minima: true }),
    isTurned: false,
  }));
  tf.tidy(() => {
    const bytes = backendReport().liveBytes;
    const weights = matrices.map(
      (matrix) => tf.engine().runKernel(blockWeightKernel.name, {}, { matrix } as never) as tf.Tensor,
    );
    const apply = (x: tf.Tensor): tf.Tensor =>
      matrices.reduce(
        (at, matrix, i) =>
          tf.engine().runKernel(blockLinearKernel.name, { x: at, weight: weights[i]!, bias: tf.scalar(0) }, {
            matrix,
            hasBias: false,
          } as never) as tf.Tensor,
        x,
      );
    apply(tf.ones([1, 256])).dataSync();
    expect(backendReport().liveBytes - bytes).toBeLessThan(20_000);
    expect([...weights[2]!.dataSync()]).toEqual([...dequantiseBlocks(matrices[2]!)]);
  });
});

test("a compiled function that multiplies by blocks is replayed", async () => {
  await tf.setBackend("onnx");
  tf.tidy(() => {
    const matrix = matrixOf({ rows: 2, input: 40, out: 6, bits: 4, minima: true });
    const weight = tf.engine().runKernel(blockWeightKernel.name, {}, { matrix } as never) as tf.Tensor2D;
    let traces = 0;
    const run = compile((x: tf.Tensor2D) => {
      traces++;
      const inputs = { x: tf.mul(x, 2), weight, bias: tf.scalar(0) };
      return tf.engine().runKernel(blockLinearKernel.name, inputs, { matrix, hasBias: false } as never) as tf.Tensor;
    });
    for (let i = 0; i < 6; i++) {
      const x = tf.tensor2d(floats(80), [2, 40]);
      const expected = tf.matMul(tf.mul(x, 2) as tf.Tensor2D, weight, false, true);
      expect(run(x).dataSync()).toBeAllClose(expected.dataSync(), { relative: 1e-5, absolute: 1e-4 });
    }
    expect(traces).toBe(3);
  });
});

test("what an operator reads as fed stays fed: no lowering makes constants of codes", () => {
  const matrix = matrixOf({ rows: 2, input: 64, out: 6, bits: 4, minima: true });
  const x = operation("Exp", [hostValue(floats(128), [2, 64], "float32")], [2, 64], "float32");
  const given = traced("BlockLinear", input(x), matrix);
  const read = (operations: readonly Operation[]): Set<Value | undefined> =>
    new Set(operations.flatMap(({ inputs }) => inputs));
  const fed = read(lowerFed(given));
  for (const value of given.inputs) expect(fed.has(value)).toBe(true);
  const { operations, stored } = lowerStored(given);
  for (const value of [x, ...stored]) expect(read(operations).has(value)).toBe(true);
  expect(lowerStored(given).stored).toEqual(stored);
});
