/** What lies at the edges of number types: integers that go round, one NaN among many rows, −0, and tensors without axes. */
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../index.ts";

beforeEach(async () => {
  await tf.setBackend("onnx");
});
afterAll(async () => {
  await tf.setBackend("cpu");
});

const [LEAST, GREATEST] = [-(2 ** 31), 2 ** 31 - 1];
const ints = (values: number[], shape: number[] = [values.length]): tf.Tensor => tf.tensor(values, shape, "int32");
/** Modulo 2^32, as JavaScript's integers are. */
const round = (value: bigint): number => Number(BigInt.asIntN(32, value));

describe("integers go round", () => {
  const rows = [GREATEST, 1, 5, GREATEST, LEAST, -1, 7, 3, 65536, 32768, 65536, 3];
  const big = rows.map(BigInt);
  const column = (i: number): bigint[] => [0, 1, 2, 3].map((row) => big[3 * row + i]!);
  const sumOf = (values: bigint[]): number => round(values.reduce((sum, value) => sum + value, 0n));
  const productOf = (values: bigint[]): number => round(values.reduce((product, value) => product * value, 1n));
  const x = (): tf.Tensor => ints(rows, [4, 3]);
  test.each<[string, () => tf.Tensor, number[]]>([
    ["sum", () => tf.sum(x()), [sumOf(big)]],
    ["sum of columns", () => tf.sum(x(), 0), [0, 1, 2].map((i) => sumOf(column(i)))],
    ["sum of rows, kept", () => tf.sum(x(), 1, true), [0, 1, 2, 3].map((i) => sumOf(big.slice(3 * i, 3 * i + 3)))],
    ["sum of booleans", () => tf.sum(tf.tensor1d([true, true, false])), [2]],
    ["prod", () => tf.prod(x()), [productOf(big)]],
    [
      "prod of an odd number of rows",
      () => tf.prod(ints([3, 65536, 65537, 5, 7, -9, 11], [7, 1]), 0),
      [productOf([3n, 65536n, 65537n, 5n, 7n, -9n, 11n])],
    ],
    [
      "prod of the inner axes, kept",
      () => tf.prod(ints(rows, [2, 3, 2]), [1, 2], true),
      [productOf(big.slice(0, 6)), productOf(big.slice(6))],
    ],
    ["prod of booleans", () => tf.prod(tf.tensor1d([true, true])), [1]],
    ["prod of columns", () => tf.prod(x(), 0), [0, 1, 2].map((i) => productOf(column(i)))],
    ["cumsum", () => tf.cumsum(ints([GREATEST, 1, 1])), [GREATEST, LEAST, LEAST + 1]],
    ["add", () => tf.add(ints([GREATEST]), ints([2])), [LEAST + 1]],
    ["addN", () => tf.addN([ints([GREATEST]), ints([GREATEST]), ints([1])]), [-1]],
    ["sub", () => tf.sub(ints([LEAST]), ints([1])), [GREATEST]],
    ["mul", () => tf.mul(ints([65536]), ints([32768])), [LEAST]],
    ["square", () => tf.square(ints([46341])), [round(46341n * 46341n)]],
    ["squaredDifference", () => tf.squaredDifference(ints([46341]), ints([0])), [round(46341n * 46341n)]],
    ["neg", () => tf.neg(ints([LEAST])), [LEAST]],
    ["abs", () => tf.abs(ints([LEAST])), [LEAST]],
    ["einsum", () => tf.einsum("i,i->", ints([GREATEST, 1]), ints([1, 1])), [LEAST]],
    ["scatterND", () => tf.scatterND(ints([[0], [0]].flat(), [2, 1]), ints([GREATEST, 1]), [2]), [LEAST, 0]],
  ])("in %s", (_, run, expected) => {
    tf.tidy(() => void expect([...run().dataSync()]).toEqual(expected));
  });
});

describe("one number that is not finite stays in its row", () => {
  const rows = [1, 2, Number.NaN, 4, Number.POSITIVE_INFINITY, 6, 7, Number.NEGATIVE_INFINITY];
  test.each([3, 64, 65, 200])("of %i", (count) => {
    tf.tidy(() => {
      const expected = Array.from({ length: count * 2 }, (_, i) => (i < 4 ? rows[i]! + (i < 2 ? rows[4 + i]! : 0) : 0));
      expected[4] = 7;
      expected[5] = Number.NEGATIVE_INFINITY;
      const updates = tf.tensor2d(rows, [4, 2]);
      const ids = [0, 1, 0, 2];
      const scattered = tf.scatterND(ints(ids, [4, 1]), updates, [count, 2]);
      expect([...scattered.dataSync()]).toEqual(expected);
      expect([...tf.unsortedSegmentSum(updates, ints(ids) as tf.Tensor1D, count).dataSync()]).toEqual(expected);
    });
  });
});

describe("zero keeps its sign", () => {
  const zeros = (): tf.Tensor => tf.tensor1d([-0, 0]);
  test.each<[string, (x: tf.Tensor) => tf.Tensor]>([
    ["abs of its opposite", (x) => tf.neg(tf.neg(x))],
    ["floor", tf.floor],
    ["ceil", tf.ceil],
    ["round", tf.round],
    ["sqrt", tf.sqrt],
    ["sin", tf.sin],
    ["tan", tf.tan],
    ["asin", tf.asin],
    ["atan", tf.atan],
    ["sinh", tf.sinh],
    ["tanh", tf.tanh],
    ["asinh", tf.asinh],
    ["atanh", tf.atanh],
    ["expm1", tf.expm1],
    ["log1p", tf.log1p],
    ["erf", tf.erf],
    ["elu", tf.elu],
    ["selu", tf.selu],
    ["leakyRelu", tf.leakyRelu],
    ["mod", (x) => tf.mod(x, 5)],
    ["cumsum", (x) => tf.cumsum(x)],
    ["where it is the second branch", (x) => tf.where(tf.tensor1d([false, false]), tf.ones([2]), x)],
    ["concat and slice", (x) => tf.slice(tf.concat([x, x]), [2], [2])],
    ["a filled tensor", (x) => tf.concat([tf.slice(tf.mul(tf.fill([2], -0), 1), [0], [1]), tf.slice(x, [1], [1])])],
  ])("%s", (_, apply) => {
    tf.tidy(() => void expect([...apply(zeros()).dataSync()]).toEqual([-0, 0]));
  });

  test("among the constants of one graph", () => {
    tf.tidy(() => {
      const x = tf.tensor1d([0.5]);
      const [above, below] = [tf.sub(tf.scalar(0), tf.mul(x, 0)), tf.sub(tf.scalar(-0), tf.mul(x, 0))];
      expect([...tf.concat([above, below]).dataSync()]).toEqual([0, -0]);
    });
  });

  test("in a number that varies, and in plain arguments of a compiled function", () => {
    tf.tidy(() => {
      const x = tf.tensor1d([1]);
      for (const factor of [0, -0, 0, -0]) expect([...tf.mul(x, factor).dataSync()]).toEqual([factor]);
      const scale = compile((y: tf.Tensor, { factor }: { factor: number }) => tf.mul(y, factor));
      for (let i = 0; i < 5; i++)
        for (const factor of [0, -0]) expect([...scale(x, { factor }).dataSync()]).toEqual([factor]);
    });
  });
});

describe("tensors without axes", () => {
  const x = (): tf.Tensor => tf.scalar(3);
  test.each<[string, () => tf.Tensor, unknown]>([
    ["cumsum", () => tf.cumsum(x()), 3],
    ["cumsum without itself", () => tf.cumsum(x(), 0, true), 0],
    ["cumsum from the end", () => tf.cumsum(x(), 0, false, true), 3],
    ["cumsum of a boolean", () => tf.cumsum(tf.scalar(true)), 1],
    ["sum", () => tf.sum(x()), 3],
    ["mean", () => tf.mean(x()), 3],
    ["prod", () => tf.prod(x()), 3],
    ["max", () => tf.max(x()), 3],
    ["min", () => tf.min(x()), 3],
    ["logSumExp", () => tf.logSumExp(x()), 3],
    ["norm", () => tf.norm(x()), 3],
    ["reverse", () => tf.reverse(x()), 3],
    ["transpose", () => tf.transpose(x()), 3],
    ["tile", () => tf.tile(x(), []), 3],
    ["stack", () => tf.stack([x(), x()]), [3, 3]],
    ["oneHot", () => tf.oneHot(tf.scalar(1, "int32"), 2), [0, 1]],
    ["gather by", () => tf.gather(tf.tensor1d([5, 6]), tf.scalar(1, "int32")), 6],
    ["all", () => tf.all(tf.scalar(true)), 1],
    ["any", () => tf.any(tf.scalar(false)), 0],
    ["where", () => tf.where(tf.scalar(true), x(), tf.neg(x())), 3],
    ["broadcastTo", () => tf.broadcastTo(x(), [2]), [3, 3]],
  ])("%s", (_, run, expected) => {
    tf.tidy(() => void expect(run().arraySync()).toEqual(expected));
  });
});
