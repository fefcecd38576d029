/** Reductions, running sums and softmax against their definitions: any axes, negative ones, empty tensors, NaN. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { test } from "vitest";
import { onOnnx } from "./on-onnx.fixture.ts";
import {
  at,
  build,
  buildSums,
  type Case,
  type Cases,
  compare,
  elements,
  floats,
  holds,
  indicesOf,
  type Plain,
  plains,
  shapes,
} from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

/** The shape without some axes, or with length 1 in their place, and the elements that each of its elements is made of. */
function grouped(x: Plain, axes: readonly number[], keep: boolean) {
  const isReduced = (axis: number): boolean => axes.includes(axis);
  const full = x.shape.map((dimension, axis) => (isReduced(axis) ? 1 : dimension));
  const inner = indicesOf(x.shape.map((dimension, axis) => (isReduced(axis) ? dimension : 1)));
  const outer = indicesOf(full);
  const groups = outer.map((index) =>
    inner.map((offset) =>
      at(
        x,
        index.map((i, axis) => i + offset[axis]!),
      ),
    ),
  );
  return { shape: keep ? full : full.filter((_, axis) => !isReduced(axis)), groups };
}

interface Setting {
  readonly x: Plain;
  /** As it is given to tfjs, perhaps negative. */
  readonly axis: number[];
  readonly axes: number[];
  readonly keep: boolean;
}

/** Tensors and axes to reduce them along. */
function settings(dtype: Plain["dtype"], { empty = true, minRank = 0, odd = true } = {}): fc.Arbitrary<Setting> {
  return shapes({ empty, minRank }).chain((shape) =>
    fc
      .record({
        x: plains(shape, dtype, elements(dtype, odd)),
        chosen: fc.subarray(
          shape.map((_, axis) => axis),
          { minLength: Math.min(1, shape.length) },
        ),
        negative: fc.boolean(),
        keep: fc.boolean(),
      })
      .map(({ x, chosen, negative, keep }) => ({
        x,
        axes: chosen,
        axis: negative ? chosen.map((axis) => axis - shape.length) : chosen,
        keep,
      })),
  );
}

const sums = ({ axis, axes, keep }: Setting): Cases => ({
  sum: {
    run: ((x: T) => tf.sum(x, axis, keep)) as Case["run"],
    define: ((x: Plain) => {
      const { shape, groups } = grouped(x, axes, keep);
      return { ...buildSums([groups.length], x.dtype === "bool" ? "int32" : x.dtype, ([i]) => groups[i!]!), shape };
    }) as Case["define"],
  },
  mean: {
    run: ((x: T) => tf.mean(x, axis, keep)) as Case["run"],
    define: ((x: Plain) => {
      const { shape, groups } = grouped(x, axes, keep);
      // tfjs's mean of nothing is 0.
      return {
        ...buildSums([groups.length], "float32", ([i]) => groups[i!]!.map((term, _, { length }) => term / length)),
        shape,
      };
    }) as Case["define"],
  },
  prod: {
    run: ((x: T) => tf.prod(x, axis, keep)) as Case["run"],
    define: ((x: Plain) => {
      const { shape, groups } = grouped(x, axes, keep);
      return {
        shape,
        dtype: x.dtype === "bool" ? "int32" : x.dtype,
        data: groups.map((group) => group.reduce((a, b) => a * b, 1)),
      };
    }) as Case["define"],
  },
});

test("columns of large tensors are summed", () => {
  const setting = fc.constantFrom([64, 80], [6, 11, 70], [5000, 2], [2, 5000], [3, 4, 5, 100]).chain((shape) =>
    fc.record({
      x: plains(shape, "float32", elements("float32", false)),
      count: fc.integer({ min: 1, max: shape.length - 1 }),
      keep: fc.boolean(),
    }),
  );
  holds(
    setting,
    ({ x, count, keep }) => {
      const axes = x.shape.slice(0, count).map((_, axis) => axis);
      const { sum } = sums({ x, axes, axis: axes.toReversed(), keep });
      compare({ sum: sum! }, [x]);
    },
    10,
  );
});

const extremes = ({ axis, axes, keep }: Setting): Cases =>
  Object.fromEntries(
    (["max", "min"] as const).map((name) => [
      name,
      {
        run: ((x: T) => tf[name](x, axis, keep)) as Case["run"],
        define: ((x: Plain) => {
          const { shape, groups } = grouped(x, axes, keep);
          return { shape, dtype: x.dtype, data: groups.map((group) => Math[name](...group)) };
        }) as Case["define"],
      },
    ]),
  );

test("sums, means and products over any axes, of nothing too", () => {
  holds(settings("float32", { odd: false }), (setting) => compare(sums(setting), [setting.x]), 80);
  holds(settings("int32"), (setting) => compare(sums(setting), [setting.x]), 30);
  holds(settings("bool"), (setting) => compare(sums(setting), [setting.x]), 20);
});

test("a NaN or an infinity in a sum stays one", () => {
  holds(settings("float32"), ({ x, ...setting }) => compare({ sum: sums({ x, ...setting })["sum"]! }, [x]));
});

test("the largest and the smallest of a group with NaN is NaN", () => {
  holds(settings("float32", { empty: false }), (setting) => compare(extremes(setting), [setting.x]), 80);
  holds(settings("int32", { empty: false }), (setting) => compare(extremes(setting), [setting.x]), 20);
});

test("all and any", () => {
  const cases = ({ axis, axes, keep }: Setting): Cases =>
    Object.fromEntries(
      (["all", "any"] as const).map((name) => [
        name,
        {
          run: ((x: T) => tf[name](x, axis, keep)) as Case["run"],
          define: ((x: Plain) => {
            const { shape, groups } = grouped(x, axes, keep);
            const holdsFor =
              name === "all" ? groups.map((group) => group.every(Boolean)) : groups.map((group) => group.some(Boolean));
            return { shape, dtype: "bool", data: holdsFor.map(Number) };
          }) as Case["define"],
        },
      ]),
    );
  holds(settings("bool", { empty: false }), (setting) => compare(cases(setting), [setting.x]));
});

test("the place of the largest and smallest passes over NaN, unless it comes first", () => {
  const place = (group: readonly number[], better: (a: number, b: number) => boolean): number =>
    group.reduce((best, element, i) => (better(element, group[best]!) ? i : best), 0);
  const cases = (axis: number, along: number): Cases => ({
    argMax: {
      run: ((x: T) => tf.argMax(x, axis)) as Case["run"],
      define: ((x: Plain) => {
        const { shape, groups } = grouped(x, [along], false);
        return { shape, dtype: "int32", data: groups.map((group) => place(group, (a, b) => a > b)) };
      }) as Case["define"],
    },
    argMin: {
      run: ((x: T) => tf.argMin(x, axis)) as Case["run"],
      define: ((x: Plain) => {
        const { shape, groups } = grouped(x, [along], false);
        return { shape, dtype: "int32", data: groups.map((group) => place(group, (a, b) => a < b)) };
      }) as Case["define"],
    },
  });
  for (const dtype of ["float32", "int32"] as const)
    holds(
      settings(dtype, { empty: false, minRank: 1 }),
      ({ x, axis, axes }) => compare(cases(axis[0]!, axes[0]!), [x]),
      40,
    );
});

test("running sums, exclusive or not, in either direction", () => {
  const cases = (axis: number, exclusive: boolean, reverse: boolean): Cases => ({
    cumsum: {
      run: ((x: T) => tf.cumsum(x, axis, exclusive, reverse)) as Case["run"],
      define: ((x: Plain) =>
        buildSums(x.shape, x.dtype, (index) =>
          Array.from({ length: x.shape[axis]! }, (_, i) => i)
            .filter((i) => (reverse ? i >= index[axis]! : i <= index[axis]!) && !(exclusive && i === index[axis]))
            .map((i) => at(x, index.with(axis, i))),
        )) as Case["define"],
    },
  });
  for (const dtype of ["float32", "int32"] as const)
    holds(
      fc.tuple(settings(dtype, { minRank: 1, odd: false }), fc.boolean(), fc.boolean()),
      ([{ x, axes }, exclusive, reverse]) => compare(cases(axes[0]!, exclusive, reverse), [x]),
      30,
    );
});

test("softmax and its logarithm add up along the last axis", () => {
  const along = (x: Plain, last: (group: readonly number[], i: number) => number): Plain =>
    build(x.shape, "float32", (index) => {
      const group = Array.from({ length: x.shape.at(-1)! }, (_, i) => at(x, index.with(-1, i)));
      return last(group, index.at(-1)!);
    });
  const logSumExp = (group: readonly number[]): number => {
    const largest = Math.max(...group);
    return largest + Math.log(group.reduce((sum, x) => sum + Math.exp(x - largest), 0));
  };
  const cases: Cases = {
    softmax: {
      run: ((x: T) => tf.softmax(x)) as Case["run"],
      define: ((x: Plain) => along(x, (group, i) => Math.exp(group[i]! - logSumExp(group)))) as Case["define"],
    },
    logSoftmax: {
      run: ((x: T) => tf.logSoftmax(x)) as Case["run"],
      define: ((x: Plain) => along(x, (group, i) => group[i]! - logSumExp(group))) as Case["define"],
    },
  };
  holds(
    shapes({ minRank: 1 }).chain((shape) => plains(shape, "float32", floats({ low: -50, high: 50, odd: false }))),
    (x) => compare(cases, [x]),
  );
});
