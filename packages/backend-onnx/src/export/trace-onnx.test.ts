/** A traced model gives what its function gives, at sizes that were never traced; what it could not give is refused by name. */
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { loadNativeRuntime } from "../native.ts";
import { onOnnx } from "../numerics/on-onnx.fixture.ts";
import { traceOnnx } from "../register.ts";
import type { NamedFunction } from "./record.ts";

onOnnx();

const x = { shape: ["batch", "seq", 4], type: "float32" } as const;
const dynamic = { batch: {}, seq: {} };

/** Runs a model by ONNX Runtime. */
function runModel(model: Uint8Array, feeds: Record<string, [string, number[], number[]]>): Record<string, number[]> {
  const runtime = loadNativeRuntime();
  const session = runtime.createSession(model, { threads: 1, spinning: false, fastMath: false });
  const tensors = Object.entries(feeds).map(([name, [type, shape, values]]) => {
    const data = type === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
    return [name, runtime.createTensor(type as "int64", data, shape)];
  });
  const made = session.run(Object.fromEntries(tensors), { y: null });
  session.dispose();
  return Object.fromEntries(
    Object.entries(made).map(([name, { data }]) => [name, Array.from(data as Float32Array, Number)]),
  );
}

const values = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.fround(Math.cos(i)));

/** What the model of a function gives at a size that is not among the traced ones, beside the function. */
function both(run: NamedFunction, shape: [number, number, number] = [41, 37, 4]): [number[], number[]] {
  const { model } = traceOnnx(run, { x }, { dynamic });
  const given = values(shape[0] * shape[1] * shape[2]);
  const expected = tf.tidy(() => [...run({ x: tf.tensor3d(given, shape) })["y"]!.dataSync()]);
  return [runModel(model, { x: ["float32", shape, given] })["y"]!, expected];
}

const attention: NamedFunction = ({ x: input }) => {
  const [batch, seq] = input!.shape as [number, number];
  const heads = tf.transpose(tf.reshape(input!, [batch, seq, 2, 2]), [0, 2, 1, 3]);
  const scores = tf.matMul(heads, heads, false, true);
  const hidden = tf.tensor2d(
    Float32Array.from({ length: seq * seq }, (_, i) => (i % seq > Math.floor(i / seq) ? -1e9 : 0)),
    [seq, seq],
  );
  const mixed = tf.matMul(tf.softmax(tf.add(scores, hidden)), heads);
  return { y: tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, seq, 4]) };
};

describe("a model gives what its function gives at sizes that were not traced", () => {
  test.each<[string, NamedFunction]>([
    ["of attention under a causal mask made in JavaScript", attention],
    [
      "of rows flattened and joined again",
      ({ x: input }) => {
        const [batch, seq] = input!.shape as [number, number];
        return { y: tf.reshape(tf.matMul(tf.reshape(input!, [-1, 4]), tf.eye(4)), [batch, seq * 2, 2]) };
      },
    ],
    ["of a mean over the sequence", ({ x: input }) => ({ y: tf.mean(input!, 1) })],
    ["of positions", ({ x: input }) => ({ y: tf.add(input!, tf.reshape(tf.range(0, input!.shape[1]!), [1, -1, 1])) })],
    [
      "of tiles and slices that end where the size says",
      ({ x: input }) => {
        const [batch, seq] = input!.shape as [number, number];
        return { y: tf.tile(tf.slice(input!, [0, seq - 1, 0], [batch, 1, 4]), [1, seq, 1]) };
      },
    ],
    [
      "of rows in front, the same for all",
      ({ x: input }) => ({
        y: tf.concat([tf.tile(tf.ones([1, 3, 4]), [input!.shape[0]!, 1, 1]), input!], 1),
      }),
    ],
    [
      "of a table made in JavaScript",
      ({ x: input }) => {
        const seq = input!.shape[1]!;
        const table = Float32Array.from({ length: seq * 4 }, (_, i) => Math.sin(i));
        return { y: tf.add(input!, tf.tensor2d(table, [seq, 4])) };
      },
    ],
    [
      "of a number that comes of a size",
      ({ x: input }) => ({ y: tf.add(input!, tf.max(tf.range(0, input!.shape[1]!))) }),
    ],
    ["of one over a size", ({ x: input }) => ({ y: tf.mul(input!, 1 / input!.shape[1]!) })],
    ["of the input itself", ({ x: input }) => ({ y: input! })],
    ["of nothing but sizes", ({ x: input }) => ({ y: tf.fill([input!.shape[0]!, 2], 3) })],
  ])("%s", (_, run) => {
    const [made, expected] = both(run, [41, 37, 4]);
    expect(made).toBeAllClose(expected, { absolute: 1e-6 });
    const [one, alone] = both(run, [1, 2, 4]);
    expect(one).toBeAllClose(alone, { absolute: 1e-6 });
  });
});

test("a function that takes a shorter way for small sizes is recorded above them, where it asks for that", () => {
  const run: NamedFunction = ({ x: input }) => ({
    y:
      input!.shape[1]! <= 5
        ? input!
        : tf.add(input!, tf.reshape(tf.relu(tf.sub(tf.range(0, input!.shape[1]!), 4)), [1, -1, 1])),
  });
  expect(() => traceOnnx(run, { x }, { dynamic })).toThrow("must not decide by sizes");
  const { checked } = traceOnnx(run, { x }, { dynamic: { ...dynamic, seq: { recordFrom: 6 } } });
  expect(checked.some(({ sizes }) => sizes["seq"]! > 5) && checked.some(({ sizes }) => sizes["seq"]! <= 5)).toBe(true);
});

test("a dimension may be empty, where it may be", () => {
  const past = { shape: ["batch", "past", 4], type: "float32" } as const;
  const run: NamedFunction = ({ past: before, x: input }) => {
    const whole = tf.concat([before!, input!], 1);
    return { y: tf.reshape(whole, [whole.shape[0]!, -1, 2]) };
  };
  const { model, checked } = traceOnnx(run, { past, x }, { dynamic: { ...dynamic, past: { least: 0 } } });
  expect(checked[0]!.sizes).toEqual({ batch: 1, seq: 1, past: 0 });
  const feeds: Record<string, [string, number[], number[]]> = {
    past: ["float32", [1, 0, 4], []],
    x: ["float32", [1, 2, 4], values(8)],
  };
  expect(runModel(model, feeds)["y"]).toEqual(values(8));
});

test("ids come as int64, and a dimension may be a sum", () => {
  const table = tf.tensor2d(values(20), [10, 2]);
  const { model } = traceOnnx(
    ({ ids, mask }) => {
      const past = mask!.shape[1]! - ids!.shape[1]!;
      const real = tf.cast(tf.slice(mask!, [0, past], [-1, -1]), "float32");
      return { y: tf.mul(tf.gather(table, ids as tf.Tensor2D), tf.expandDims(real, 2)) };
    },
    {
      ids: { shape: ["batch", "seq"], type: "int64" },
      mask: { shape: ["batch", "past + seq"], type: "int64" },
      past: { shape: ["past"], type: "float32" },
    },
    { dynamic: { batch: {}, seq: {}, past: { least: 0 } } },
  );
  const { y } = runModel(model, {
    ids: ["int64", [1, 2], [7, 1]],
    mask: ["int64", [1, 3], [0, 1, 0]],
    past: ["float32", [1], [0]],
  });
  expect(y).toBeAllClose([...values(20).slice(14, 16), 0, 0], { absolute: 0 });
  table.dispose();
});

test("the graph has no operators but those of the standard, and weights have their names", () => {
  const weight = tf.tensor2d(values(16), [4, 4]);
  const run: NamedFunction = ({ x: input }) => {
    const whole = attention({ x: tf.reshape(tf.matMul(tf.reshape(input!, [-1, 4]), weight), input!.shape) });
    return { y: whole["y"]! };
  };
  const { model, nodeCount } = traceOnnx(run, { x }, { dynamic, names: new Map([["layer.weight", weight]]) });
  const text = Buffer.from(model).toString("latin1");
  expect(text).not.toContain("com.microsoft");
  expect(text).toContain("layer.weight");
  expect(nodeCount).toBeLessThan(30);
  weight.dispose();
});

test("what depends on no input is computed once", () => {
  const weight = tf.tensor2d(values(16), [4, 4]);
  const merged: NamedFunction = ({ x: input }) => {
    const both = tf.add(weight, tf.mul(tf.matMul(weight, weight), 0.5));
    return { y: tf.matMul(tf.reshape(input!, [-1, 4]), both) };
  };
  const { nodeCount } = traceOnnx(merged, { x }, { dynamic });
  expect(nodeCount).toBe(2); // the reshape and the product
  weight.dispose();
});

test("operations that do nothing are left out", () => {
  const run: NamedFunction = ({ x: input }) => ({
    y: tf.relu(tf.add(tf.mul(input!, tf.ones(input!.shape)), tf.zeros(input!.shape))),
  });
  expect(traceOnnx(run, { x }, { dynamic }).nodeCount).toBe(1);
});

describe("what a graph could not compute is refused by name", () => {
  test.each<[string, NamedFunction, string]>([
    [
      "reading elements",
      ({ x: input }) => ({ y: tf.mul(input!, input!.dataSync()[0]!) }),
      "the function reads the elements of a tensor float32",
    ],
    [
      "a kernel that only JavaScript has",
      ({ x: input }) => ({ y: tf.unique(tf.reshape(input!, [-1])).values }),
      "traceOnnx: Unique reads the elements",
    ],
    [
      "deciding by a size",
      ({ x: input }) => ({ y: input!.shape[1]! > 20 ? tf.relu(input!) : tf.neg(input!) }),
      "does other operations at",
    ],
    [
      "a tensor of the length in no known way",
      ({ x: input }) => {
        const seq = input!.shape[1]!;
        return {
          y: tf.add(
            input!,
            tf.reshape(tf.tensor1d(Float32Array.from({ length: seq }, (_, i) => Math.sin(i / seq))), [1, seq, 1]),
          ),
        };
      },
      "that Add reads is made in JavaScript, and varies with the sizes",
    ],
    [
      "a number of the length in no known way",
      ({ x: input }) => ({ y: tf.mul(input!, Math.sqrt(input!.shape[1]!)) }),
      "that Multiply reads varies with the sizes",
    ],
    [
      "an axis that is no sum of products",
      ({ x: input }) => {
        const half = Math.floor(input!.shape[1]! / 2);
        return { y: tf.slice(input!, [0, 0, 0], [-1, half, -1]) };
      },
      "that Slice reads varies with the sizes",
    ],
    ["outputs of other names", ({ x: input }) => ({ [`y${input!.shape[0]! > 20}`]: input! }), "outputs of other names"],
    ["an output that is no tensor", () => ({ y: 3 as never }), 'the output "y" must be a tensor'],
  ])("%s", (_, run, message) => {
    expect(() => traceOnnx(run, { x }, { dynamic })).toThrow(message);
  });

  test("a difference between model and function, such as a choice at one size that was not traced", () => {
    const run: NamedFunction = ({ x: input }) => ({ y: input!.shape[1] === 1 ? tf.neg(input!) : tf.relu(input!) });
    expect(() => traceOnnx(run, { x }, { dynamic })).toThrow("the graph gives something else than the function");
  });
});

describe("arguments are checked", () => {
  const run: NamedFunction = ({ x: input }) => ({ y: input! });
  test.each<[string, () => unknown, string]>([
    ["an unknown option", () => traceOnnx(run, { x }, { dynamic, opset: 17 } as never), 'unknown option "opset"'],
    [
      "an unknown setting of a dimension",
      () => traceOnnx(run, { x }, { dynamic: { ...dynamic, seq: { longst: 9 } as never } }),
      '"longest"',
    ],
    [
      "a dimension of no input",
      () => traceOnnx(run, { x }, { dynamic: { ...dynamic, past: {} } }),
      'no input has a dimension "past"',
    ],
    [
      "an input's dimension without settings",
      () => traceOnnx(run, { x }, { dynamic: { batch: {} } }),
      'has a dimension "seq"',
    ],
    [
      "a dimension that is too short to be traced",
      () => traceOnnx(run, { x }, { dynamic: { ...dynamic, seq: { longest: 4 } } }),
      "got 1, 2 and 4",
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
  });

  test("another backend than this", async () => {
    await tf.setBackend("cpu");
    expect(() => traceOnnx(run, { x }, { dynamic })).toThrow('call setBackend("onnx") first');
    await tf.setBackend("onnx");
  });
});
