/** A compiled function gives what the function gives, without running it again. */
import {
  type CustomKernel,
  deriveKeyKernel,
  randomMaskKernel,
  randomNumbers,
  randomNumbersKernel,
} from "@cambium/kernels";
import * as tf from "@tensorflow/tfjs-core";
// @ts-expect-error A deep import without types: tfjs-core registers no gradients by itself, and vite resolves it.
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { backendReport, compile } from "./index.ts";

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
const kernel = ({ name }: CustomKernel, inputs: object, attributes: object): tf.Tensor =>
  tf.engine().runKernel(name, inputs as never, attributes as never);

test("after three traces the function does not run again, and its results stay right", () => {
  let runs = 0;
  const step = compile((x: tf.Tensor, rate: tf.Tensor) => {
    runs++;
    return tf.sub(x, tf.mul(rate, tf.square(x)));
  });
  for (let i = 0; i < 8; i++) {
    const [x, rate] = [tf.tensor1d([i, 2]), tf.tensor1d([0.5])];
    expect(read(step(x, rate))).toEqual([i - 0.5 * i * i, 0]);
    tf.dispose([x, rate]);
  }
  expect(runs).toBe(3);
});

test("each signature is traced by itself, plain values included", () => {
  const power = compile((x: tf.Tensor, { exponent }: { exponent: number }) => tf.pow(x, exponent));
  const x = tf.tensor1d([2, 3]);
  for (let i = 0; i < 5; i++) {
    expect(read(power(x, { exponent: 2 }))).toEqual([4, 9]);
    expect(read(power(x, { exponent: 3 }))).toEqual([8, 27]);
  }
  x.dispose();
});

test("trees go in and out: maps, arrays, objects, and tensors that pass through", () => {
  const swap = compile(({ pair, named }: { pair: tf.Tensor[]; named: Map<string, tf.Tensor> }) => ({
    sum: tf.add(pair[0]!, pair[1]!),
    named: new Map([...named].map(([name, tensor]) => [name, tf.neg(tensor)])),
    first: pair[0]!,
    label: "kept",
  }));
  for (let i = 0; i < 5; i++) {
    const given = { pair: [tf.scalar(i), tf.scalar(1)], named: new Map([["w", tf.tensor1d([i, i])]]) };
    const { sum, named, first, label } = swap(given);
    expect(label).toBe("kept");
    expect(read(sum)).toEqual([i + 1]);
    expect(read(named.get("w")!).map((value) => value + 0)).toEqual([-i + 0, -i + 0]);
    expect(read(first)).toEqual([i]);
    tf.dispose([...given.pair, given.named.get("w")!]);
  }
});

test("a captured tensor belongs to the graph and is not an argument", () => {
  const frozen = tf.tensor2d([
    [1, 2],
    [3, 4],
  ]);
  const apply = compile((x: tf.Tensor2D) => tf.matMul(x, frozen));
  for (let i = 0; i < 5; i++) {
    const x = tf.tensor2d([[i, 1]]);
    expect(read(apply(x))).toEqual([i + 3, 2 * i + 4]);
    x.dispose();
  }
  frozen.dispose();
});

test("a gradient inside is replayed as well", () => {
  const slope = compile((x: tf.Tensor) => tf.grad((y: tf.Tensor) => tf.sum(tf.mul(tf.square(y), y)))(x));
  for (let i = 0; i < 5; i++) {
    const x = tf.tensor1d([i]);
    expect(read(slope(x))).toEqual([3 * i * i]);
    x.dispose();
  }
});

test("randomness from a key that is an argument is new for each key, as without compile", () => {
  const draw = (key: tf.Tensor): tf.Tensor =>
    kernel(
      randomMaskKernel,
      { key: kernel(deriveKeyKernel, { key }, { path: ["dropout", 3] }) },
      { shape: [40], rate: 0.5 },
    );
  const compiled = compile((x: tf.Tensor, key: tf.Tensor) => tf.mul(x, draw(key)));
  const x = tf.ones([40]);
  const seen = new Set<string>();
  for (let i = 0; i < 6; i++) {
    const key = tf.tensor1d([i, 7], "int32");
    const expected = read(tf.tidy(() => tf.mul(x, draw(key))));
    expect(read(compiled(x, key))).toEqual(expected);
    seen.add(expected.join());
    key.dispose();
  }
  expect(seen.size).toBe(6);
  x.dispose();
});

test("uniform and normal numbers from a key that is an argument are new for each key, without another run", () => {
  const distributions = [
    { kind: "uniform", low: -1, high: 2 },
    { kind: "normal", mean: 0, deviation: 1 },
    { kind: "truncatedNormal", mean: 0, deviation: 0.5 },
  ] as const;
  let runs = 0;
  const compiled = compile((x: tf.Tensor, key: tf.Tensor) => {
    runs++;
    return distributions.map((distribution) =>
      tf.add(x, kernel(randomNumbersKernel, { key }, { shape: [40], distribution })),
    );
  });
  const x = tf.zeros([40]);
  for (let i = 0; i < 6; i++) {
    const key = tf.tensor1d([i, 7], "int32");
    const expected = distributions.map((distribution) => [...randomNumbers([i, 7], 40, distribution)]);
    expect(compiled(x, key).map(read)).toEqual(expected);
    key.dispose();
  }
  expect(runs).toBe(3);
  x.dispose();
});

describe("what varies and is no argument is refused, and named", () => {
  test("a captured number", () => {
    let rate = 1;
    const step = compile((x: tf.Tensor) => tf.mul(x, rate++));
    const x = tf.tensor1d([1]);
    step(x).dispose();
    expect(() => step(x)).toThrow(/the number 1 read by Multiply became 2; pass what varies as an argument/);
    expect(read(step(x))).toEqual([3]); // afterwards it runs as it is
    x.dispose();
  });
  test("a captured array", () => {
    let start = 0;
    const step = compile((x: tf.Tensor) => tf.add(x, tf.tensor1d([start++, 5])));
    const x = tf.tensor1d([1, 1]);
    step(x).dispose();
    expect(() => step(x)).toThrow(/a tensor \[2\] read by Add has other values/);
    x.dispose();
  });
  test("another path through the function", () => {
    let calls = 0;
    const step = compile((x: tf.Tensor) => (calls++ === 1 ? tf.exp(x) : tf.neg(x)));
    const x = tf.tensor1d([1]);
    step(x).dispose();
    expect(() => step(x)).toThrow(/the operations differ, first at Exp/);
    x.dispose();
  });
  test("unless tracing on is asked for", () => {
    let rate = 1;
    const step = compile((x: tf.Tensor) => tf.mul(x, rate++), { impure: "trace" });
    const x = tf.tensor1d([1]);
    expect([1, 2, 3, 4, 5].map(() => read(step(x))[0])).toEqual([1, 2, 3, 4, 5]);
    x.dispose();
  });
});

test("on other backends the function itself runs", async () => {
  await tf.setBackend("cpu");
  let runs = 0;
  const step = compile((x: tf.Tensor) => {
    runs++;
    return tf.add(x, 1);
  });
  const x = tf.tensor1d([1]);
  for (let i = 0; i < 5; i++) expect(read(step(x))).toEqual([2]);
  expect(runs).toBe(5);
  x.dispose();
});

test("arguments that are still pending, uniform or reshaped are no constants", () => {
  const double = compile((x: tf.Tensor, zeros: tf.Tensor) => tf.add(tf.mul(x, 2), zeros));
  for (let i = 0; i < 5; i++) {
    const result = tf.tidy(() =>
      double(tf.reshape(tf.add(tf.tensor1d([i, i]), 1), [2, 1]), i < 2 ? tf.zeros([2, 1]) : tf.tensor2d([[i], [1]])),
    );
    expect(read(result)).toEqual(i < 2 ? [2 * i + 2, 2 * i + 2] : [3 * i + 2, 2 * i + 3]);
  }
});

test("an argument that the function reshapes first is an argument still", () => {
  let runs = 0;
  const scale = compile((x: tf.Tensor, factors: tf.Tensor) => {
    runs++;
    return { scaled: tf.mul(x, tf.reshape(factors, [-1])), turned: tf.reshape(x, [3, 2]) };
  });
  for (let i = 0; i < 6; i++) {
    const [x, factors] = [tf.tensor2d([1, 2, 3, 4, 5, 6 + i], [2, 3]), tf.tensor2d([i, 1, 2], [3, 1])];
    const { scaled, turned } = scale(x, factors);
    expect(turned.shape).toEqual([3, 2]);
    expect(read(turned)).toEqual([1, 2, 3, 4, 5, 6 + i]);
    expect(read(scaled)).toEqual([i, 2, 6, 4 * i, 5, 12 + 2 * i]);
    tf.dispose([x, factors]);
  }
  expect(runs).toBe(3);
});

test("replays go through the bounded cache and leave nothing pending", () => {
  const step = compile((x: tf.Tensor) => tf.exp(x));
  const before = backendReport().pendingValues;
  for (let i = 0; i < 10; i++) {
    const x = tf.tensor1d([i]);
    step(x).dispose();
    x.dispose();
  }
  expect(backendReport().pendingValues).toBe(before);
});
