/** Functions compiled for any sizes give what they give by themselves, at sizes that were never recorded and with other captured tensors. */
import { type BlockMatrix, blockBytes, blocksOf, dequantiseBlocks, rotateKernel } from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import type { OnnxBackend } from "./backend.ts";
import type { DynamicFunction, DynamicOptions, HostTensor } from "./dynamic.ts";
import type { OnnxInput } from "./export/inputs.ts";
import type { NamedFunction } from "./export/record.ts";
import { backendReport } from "./index.ts";
import { onOnnx } from "./numerics/on-onnx.fixture.ts";

onOnnx();

const WIDTH = 6;
const x: OnnxInput = { shape: ["batch", "rows", WIDTH], type: "float32" };
const past: OnnxInput = { shape: ["2 * batch", "past", WIDTH], type: "float32" };

const valuesOf = (shape: readonly number[], seed = 1): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed * (i + 1) * 1.7));
const host = (shape: readonly number[], seed = 1): HostTensor => ({ data: valuesOf(shape, seed), shape });
const matrix = (seed: number, rows = WIDTH, columns = WIDTH): tf.Tensor2D =>
  tf.tensor2d(valuesOf([rows, columns], seed), [rows, columns]);

const compile = (
  run: NamedFunction,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: Partial<DynamicOptions> = {},
): DynamicFunction => {
  const dynamic = Object.fromEntries(
    ["batch", "rows", "past"]
      .filter((name) => Object.values(inputs).some(({ shape }) => shape.includes(name)))
      .map((name) => [name, name === "past" ? { least: 0 } : {}]),
  );
  return (tf.engine().backend as OnnxBackend).compileDynamic(run, inputs, { dynamic, ...options });
};

/** What a function gives without being compiled. */
function plainly(run: NamedFunction, given: Readonly<Record<string, HostTensor>>): Record<string, number[]> {
  return tf.tidy(() => {
    const tensors = Object.entries(given).map(([name, { data, shape }]) => [
      name,
      tf.tensor(data, [...shape], data instanceof Int32Array ? "int32" : "float32"),
    ]);
    return Object.fromEntries(
      Object.entries(run(Object.fromEntries(tensors))).map(([name, tensor]) => [name, [...tensor.dataSync()]]),
    );
  });
}

function expectEqual(compiled: DynamicFunction, run: NamedFunction, given: Readonly<Record<string, HostTensor>>): void {
  const made = compiled.run(given);
  for (const [name, expected] of Object.entries(plainly(run, given))) {
    expect(made[name]!.data.length).toBe(expected.length);
    expected.forEach((value, i) => void expect(made[name]!.data[i]).toBeCloseTo(value, 5));
  }
}

/** Products of rows with rows that came before, and with each other. */
const behind = (weight: tf.Tensor2D, scale: number): NamedFunction => {
  return ({ x: rows, past: before }) => {
    const [batch, count] = rows!.shape as [number, number];
    const turned = tf.mul(tf.reshape(tf.matMul(tf.reshape(rows!, [-1, WIDTH]), weight), rows!.shape), tf.scalar(scale));
    const twice = tf.reshape(tf.tile(turned, [1, 2, 1]), [2 * batch, count, WIDTH]);
    const scores = tf.concat([tf.matMul(twice, before!, false, true), tf.matMul(twice, twice, false, true)], 2);
    return { y: tf.softmax(scores), rows: turned };
  };
};

test("any sizes are one graph, none of which is compiled again: also no rows before", () => {
  const weight = matrix(3);
  const run = behind(weight, 0.5);
  const compiled = compile(run, { x, past });
  const { compileCount } = backendReport();
  for (const [batch, rows, length] of [
    [1, 1, 0],
    [1, 1, 300],
    [3, 1, 41],
    [2, 70, 5],
  ] as const) {
    const given = { x: host([batch, rows, WIDTH]), past: host([2 * batch, length, WIDTH], 2) };
    const made = compiled.run(given);
    expect(made["y"]!.shape).toEqual([2 * batch, rows, length + rows]);
    if (length > 0) expectEqual(compiled, run, given);
  }
  // At no rows before there is nothing to compare with but the product of the rows.
  const rows = host([1, 4, WIDTH]);
  const alone: NamedFunction = (inputs) => behind(weight, 0.5)({ ...inputs, past: tf.zeros([2, 0, WIDTH]) });
  expectEqual(
    { ...compiled, run: (given) => compiled.run({ ...given, past: host([2, 0, WIDTH]) }) },
    ({ x: only }) => alone({ x: only! }),
    { x: rows },
  );
  expect(backendReport().compileCount - compileCount).toBeLessThanOrEqual(6); // the function's own runs, uncompiled
  compiled.dispose();
  weight.dispose();
});

describe("another function of the same structure", () => {
  test("runs on the same graph with what it captures, and the first goes on with its own", () => {
    const [first, second] = [matrix(3), matrix(5)];
    const compiled = compile(behind(first, 1), { x, past });
    const other = compiled.with(behind(second, 0.25))!;
    const given = { x: host([2, 3, WIDTH]), past: host([4, 7, WIDTH], 2) };
    expectEqual(other, behind(second, 0.25), given);
    expectEqual(compiled, behind(first, 1), given);
    compiled.dispose();
    tf.dispose([first, second]);
  });

  test.each<[string, () => NamedFunction]>([
    [
      "does something else",
      () =>
        ({ x: rows, past: before }) => ({ y: tf.tanh(rows!), rows: before! }),
    ],
    [
      "captures a tensor of another shape",
      () => behind(tf.tensor2d(valuesOf([WIDTH, 2 * WIDTH]), [WIDTH, 2 * WIDTH]), 1),
    ],
  ])("is none where it %s", (_, other) => {
    tf.tidy(() => {
      const compiled = compile(behind(matrix(3), 1), { x, past });
      let found: DynamicFunction | undefined;
      try {
        found = compiled.with(other());
      } catch {
        found = undefined; // the function cannot run at all
      }
      expect(found).toBeUndefined();
      compiled.dispose();
    });
  });

  test("is none where it captures another tensor in place of one that was said to stay", () => {
    tf.tidy(() => {
      const [frozen, other] = [matrix(3), matrix(5)];
      const compiled = compile(behind(frozen, 1), { x, past }, { frozen: [frozen] });
      expect(compiled.with(behind(other, 1))).toBeUndefined();
      expect(compiled.with(behind(frozen, 1))).toBeDefined();
      compiled.dispose();
    });
  });
});

test("a graph is freed with the first tensor that it was compiled for, and by dispose, once", () => {
  const { dynamicSessions } = backendReport();
  const [frozen, other, given] = [matrix(3), matrix(5), { x: host([2, 3, WIDTH]), past: host([4, 7, WIDTH], 2) }];
  const compiled = compile(behind(frozen, 1), { x, past }, { frozen: [frozen] });
  const sharing = compiled.with(behind(frozen, 1))!;
  const lasting = compile(behind(other, 1), { x, past }, { frozen: [other] });
  expect(backendReport().dynamicSessions).toBe(dynamicSessions + 2);
  tf.clone(frozen).dispose(); // the tensor itself is still there
  expect(sharing.run(given)["rows"]!.shape).toEqual([2, 3, WIDTH]);
  frozen.dispose();
  expect([compiled.isDisposed, sharing.isDisposed, lasting.isDisposed]).toEqual([true, true, false]);
  expect(() => sharing.run(given)).toThrow("the graph was freed");
  compiled.dispose();
  lasting.dispose();
  expect(backendReport().dynamicSessions).toBe(dynamicSessions);
  other.dispose();
});

test("what the runtime has one operation for gives the same: SiLU, sums with norms, turned rows by a factor", () => {
  tf.tidy(() => {
    const [weight, gain] = [matrix(3), tf.tensor1d(valuesOf([WIDTH], 7))];
    const run: NamedFunction = ({ x: rows, at }) => {
      const [batch, count] = rows!.shape as [number, number];
      const sum = tf.add(rows!, tf.reshape(tf.matMul(tf.reshape(rows!, [-1, WIDTH]), weight), rows!.shape));
      const normed = tf.engine().runKernel("RmsNorm", { x: sum, gain }, { epsilon: 1e-6 }) as tf.Tensor;
      const gate = tf.mul(normed, tf.sigmoid(normed));
      const angles = tf.mul(tf.reshape(tf.cast(at!, "float32"), [batch, 1, count, 1]), tf.tensor1d([1, 0.1, 0.01]));
      const heads = tf.reshape(gate, [batch, 1, count, WIDTH]);
      const inputs = { x: heads, cosine: tf.cos(angles), sine: tf.sin(angles) };
      const turned = tf.engine().runKernel(rotateKernel.name, inputs, {}) as tf.Tensor;
      return { y: tf.mul(turned, tf.scalar(0.25)), sum };
    };
    const compiled = compile(run, { x, at: { shape: ["batch", "rows"], type: "int32" } });
    for (const [batch, rows] of [
      [1, 1],
      [3, 17],
    ] as const) {
      const at = { data: Int32Array.from({ length: batch * rows }, (_, i) => (i * 5) % 23), shape: [batch, rows] };
      expectEqual(compiled, run, { x: host([batch, rows, WIDTH]), at });
    }
    compiled.dispose();
  });
});

describe("matrices in blocks", () => {
  const made = (out: number, input: number, minima: boolean): BlockMatrix => {
    const count = out * blocksOf(input);
    return {
      shape: [out, input],
      bits: 4,
      codes: Uint8Array.from({ length: count * blockBytes(4) }, (_, i) => (i * 37 + 11) % 256),
      scales: valuesOf([count], 3).map(Math.abs),
      ...(minima && { minima: valuesOf([count], 5) }),
    };
  };
  const product = (rows: tf.Tensor, each: BlockMatrix): tf.Tensor =>
    tf
      .engine()
      .runKernel(
        "BlockLinear",
        { x: rows, weight: tf.tensor2d(dequantiseBlocks(each), [...each.shape]), bias: tf.scalar(0) },
        { matrix: each, hasBias: false } as unknown as tf.NamedAttrMap,
      ) as tf.Tensor;

  test.each([
    ["about their middle", false],
    ["with minima", true],
  ])("%s that read one value are one product, near that of floats", (_, minima) => {
    tf.tidy(() => {
      const [a, b] = [made(8, 64, minima), made(16, 64, minima)];
      const run: NamedFunction = ({ x: rows }) => ({ a: product(rows!, a), b: tf.tanh(product(rows!, b)) });
      const compiled = compile(run, { x: { shape: ["rows", 64], type: "float32" } });
      const given = host([5, 64]);
      const result = compiled.run({ x: given });
      const floats = tf.matMul(
        tf.tensor2d(given.data, [5, 64]),
        tf.tensor2d(dequantiseBlocks(a), [8, 64]),
        false,
        true,
      );
      const [expected, got] = [floats.dataSync(), result["a"]!.data];
      const size = Math.max(...expected.map(Math.abs));
      // Rows are rounded to bytes in blocks: a 254th of each block's greatest.
      expected.forEach((value, i) => void expect(Math.abs(got[i]! - value) / size).toBeLessThan(0.02));
      expect(result["b"]!.shape).toEqual([5, 16]);
      compiled.dispose();
    });
  });
});

test.each<[string, Record<string, HostTensor>, string]>([
  ["nothing", {}, 'input "x" must be float32 [batch,rows,6], got nothing'],
  ["another width", { x: host([1, 2, 5]) }, "got Float32Array [1,2,5] of 10 elements"],
  ["too few elements", { x: { data: valuesOf([3]), shape: [1, 2, WIDTH] } }, "of 3 elements"],
  ["integers", { x: { data: new Int32Array(WIDTH), shape: [1, 1, WIDTH] } }, "got Int32Array"],
])("%s for an input is an error that names it", (_, given, message) => {
  tf.tidy(() => {
    const compiled = compile(({ x: rows }) => ({ y: tf.tanh(rows!) }), { x });
    expect(() => compiled.run(given)).toThrow(message);
    compiled.dispose();
  });
});
