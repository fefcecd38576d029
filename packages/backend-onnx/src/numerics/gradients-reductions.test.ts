/** Gradients of reductions and softmax against central differences of their definitions. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { test } from "vitest";
import { compareAll, compareGradients, type Differentiable, smooth, spread } from "./differences.fixture.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import { at, build, buildSums, holds, indicesOf, type Plain, plains } from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

test("means, softmax and its logarithm along the last axis", () => {
  const along = (x: Plain, element: (group: readonly number[], i: number) => number): Plain =>
    build(x.shape, "float32", (index) =>
      element(
        Array.from({ length: x.shape.at(-1)! }, (_, i) => at(x, index.with(-1, i))),
        index.at(-1)!,
      ),
    );
  const logSumExp = (group: readonly number[]): number => Math.log(group.reduce((sum, x) => sum + Math.exp(x), 0));
  const cases: Record<string, Differentiable> = {
    softmax: {
      run: ((x: T) => tf.softmax(x)) as Differentiable["run"],
      define: ((x: Plain) =>
        along(x, (group, i) => Math.exp(group[i]! - logSumExp(group)))) as Differentiable["define"],
    },
    logSoftmax: {
      run: ((x: T) => tf.logSoftmax(x)) as Differentiable["run"],
      define: ((x: Plain) => along(x, (group, i) => group[i]! - logSumExp(group))) as Differentiable["define"],
    },
    centred: {
      run: ((x: T) => tf.sub(x, tf.mean(x, -1, true))) as Differentiable["run"],
      define: ((x: Plain) =>
        along(
          x,
          (group, i) => group[i]! - group.reduce((sum, y) => sum + y, 0) / group.length,
        )) as Differentiable["define"],
    },
    largest: {
      run: ((x: T) => tf.mul(x, tf.max(x, -1, true))) as Differentiable["run"],
      define: ((x: Plain) => along(x, (group, i) => group[i]! * Math.max(...group))) as Differentiable["define"],
    },
  };
  holds(
    fc
      .array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 })
      .chain((shape) => plains(shape, "float32", smooth))
      .map(spread),
    (x) => compareAll(cases, [x]),
    15,
  );
});

/** Elements in groups: those that differ only along `axes` belong together. */
function groups(x: Plain, axes: readonly number[], keep: boolean): { shape: number[]; groups: number[][] } {
  const full = x.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
  const inner = indicesOf(x.shape.map((dimension, axis) => (axes.includes(axis) ? dimension : 1)));
  return {
    shape: keep ? full : full.filter((_, axis) => !axes.includes(axis)),
    groups: indicesOf(full).map((index) =>
      inner.map((offset) =>
        at(
          x,
          index.map((i, axis) => i + offset[axis]!),
        ),
      ),
    ),
  };
}

test("reductions along any axes, negative ones too, with and without their dimensions", () => {
  const setting = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }).chain((shape) =>
    fc.record({
      x: plains(shape, "float32", smooth).map(spread),
      axes: fc.subarray(
        shape.map((_, axis) => axis),
        { minLength: 1 },
      ),
      negative: fc.boolean(),
      keep: fc.boolean(),
    }),
  );
  holds(
    setting,
    ({ x, axes, negative, keep }) => {
      const axis = negative ? axes.map((one) => one - x.shape.length) : axes;
      const reduction = (
        run: (x: T, axis: number[], keep: boolean) => T,
        of: (group: readonly number[]) => number,
      ): Differentiable => ({
        run: ((tensor: T) => run(tensor, axis, keep)) as Differentiable["run"],
        define: ((plain: Plain) => {
          const { shape, groups: all } = groups(plain, axes, keep);
          return { shape, dtype: "float32", data: all.map(of) };
        }) as Differentiable["define"],
      });
      const sum = (group: readonly number[]): number => group.reduce((a, b) => a + b, 0);
      compareAll(
        {
          sum: reduction(tf.sum, sum),
          mean: reduction(tf.mean, (group) => sum(group) / group.length),
          max: reduction(tf.max, (group) => Math.max(...group)),
          min: reduction(tf.min, (group) => Math.min(...group)),
          logSumExp: reduction(tf.logSumExp, (group) => Math.log(sum(group.map(Math.exp)))),
        },
        [x],
      );
    },
    20,
  );
});

test("running sums in either direction, exclusive or not", () => {
  // tfjs-core's gradient along any other axis but the last comes in a wrong order.
  const axis = 2;
  holds(
    fc.tuple(plains([2, 3, 4], "float32", smooth), fc.boolean(), fc.boolean()),
    ([x, exclusive, reverse]) => {
      const cumsum: Differentiable = {
        run: ((tensor: T) => tf.cumsum(tensor, axis, exclusive, reverse)) as Differentiable["run"],
        define: ((plain: Plain) =>
          buildSums(plain.shape, "float32", (index) =>
            Array.from({ length: plain.shape[axis]! }, (_, i) => i)
              .filter((i) => (reverse ? i >= index[axis]! : i <= index[axis]!) && !(exclusive && i === index[axis]))
              .map((i) => at(plain, index.with(axis, i))),
          )) as Differentiable["define"],
      };
      compareGradients("cumsum", cumsum, [x]);
    },
    12,
  );
});
