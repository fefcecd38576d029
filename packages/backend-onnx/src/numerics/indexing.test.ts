/** Kernels that pick and collect by index against their definitions: duplicates, ids out of range, indices the host does not know. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backendReport } from "../register.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import {
  at,
  build,
  buildSums,
  type Case,
  compare,
  differenceOf,
  elements,
  floats,
  holds,
  type Plain,
  plains,
  shapes,
} from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

/** Indices that a graph makes: the host learns them only when it runs. */
const computed = (indices: T): T => tf.add(indices, tf.scalar(0, "int32"));
const known = (indices: T): T => indices;
const ways = [
  { way: "known", through: known },
  { way: "computed", through: computed },
];

const integers = (shape: readonly number[], min: number, max: number): fc.Arbitrary<Plain> =>
  plains(shape, "int32", fc.integer({ min, max }));

describe.each(ways)("$way indices", ({ through }) => {
  test("gather picks along any axis", () => {
    const setting = shapes({ minRank: 1, maxRank: 4, empty: false }).chain((shape) =>
      fc.nat(shape.length - 1).chain((axis) =>
        fc.tuple(
          plains(shape),
          shapes({ maxRank: 3 }).chain((list) => integers(list, 0, shape[axis]! - 1)),
          fc.constant(axis),
        ),
      ),
    );
    holds(setting, ([x, indices, axis]) => {
      const gather: Case = {
        run: ((tensor: T, places: T) => tf.gather(tensor, through(places) as tf.Tensor1D, axis)) as Case["run"],
        define: ((tensor: Plain, places: Plain) =>
          build(tensor.shape.toSpliced(axis, 1, ...places.shape), "float32", (index) => {
            const place = at(places, index.slice(axis, axis + places.shape.length));
            return at(tensor, index.toSpliced(axis, places.shape.length, place));
          })) as Case["define"],
      };
      compare({ gather }, [x, indices]);
    });
  });

  test("gather picks within each batch", () => {
    const setting = fc
      .tuple(
        shapes({ minRank: 1, maxRank: 2, empty: false }),
        fc.integer({ min: 1, max: 4 }),
        shapes({ maxRank: 2, empty: false }),
      )
      .chain(([batch, count, rest]) =>
        fc.tuple(plains([...batch, count, ...rest]), integers([...batch, 3], 0, count - 1), fc.constant(batch.length)),
      );
    holds(setting, ([x, indices, batch]) => {
      const gather: Case = {
        run: ((tensor: T, places: T) => tf.gather(tensor, through(places) as tf.Tensor1D, batch, batch)) as Case["run"],
        define: ((tensor: Plain, places: Plain) =>
          build(tensor.shape.with(batch, 3), "float32", (index) =>
            at(tensor, index.with(batch, at(places, index.slice(0, batch + 1)))),
          )) as Case["define"],
      };
      compare({ gather }, [x, indices]);
    });
  });

  /** Tuples of indices that point into the first axes of a shape. */
  const tuples = shapes({ minRank: 1, maxRank: 4, empty: false }).chain((shape) =>
    fc.tuple(fc.integer({ min: 1, max: shape.length }), fc.integer({ min: 1, max: 12 })).chain(([depth, count]) =>
      fc.tuple(
        fc.constant(shape),
        fc
          .array(fc.tuple(...shape.slice(0, depth).map((length) => fc.nat(length - 1))), {
            minLength: count,
            maxLength: count,
          })
          .map((list): Plain => ({ shape: [count, depth], dtype: "int32", data: list.flat() })),
      ),
    ),
  );
  const tupleAt = (places: Plain, i: number): number[] =>
    Array.from({ length: places.shape[1]! }, (_, k) => at(places, [i, k]));

  test("gatherND picks slices by tuples", () => {
    holds(
      tuples.chain(([shape, places]) => fc.tuple(plains(shape), fc.constant(places))),
      ([x, indices]) => {
        const depth = indices.shape[1]!;
        const gatherND: Case = {
          run: ((tensor: T, places: T) => tf.gatherND(tensor, through(places))) as Case["run"],
          define: ((tensor: Plain, places: Plain) =>
            build([places.shape[0]!, ...tensor.shape.slice(depth)], "float32", ([i, ...rest]) =>
              at(tensor, [...tupleAt(places, i!), ...rest]),
            )) as Case["define"],
        };
        compare({ gatherND }, [x, indices]);
      },
    );
  });

  test("scatterND sums what meets, tensorScatterUpdate keeps the last", () => {
    const setting = fc
      .constantFrom<Plain["dtype"]>("float32", "int32")
      .chain((dtype) =>
        tuples.chain(([shape, places]) =>
          fc.tuple(
            plains(shape, dtype, elements(dtype, false)),
            fc.constant(places),
            plains([places.shape[0]!, ...shape.slice(places.shape[1])], dtype, elements(dtype, false)),
          ),
        ),
      );
    holds(setting, ([x, indices, updates]) => {
      const hits = (places: Plain, index: readonly number[]): number[] => {
        const target = `${index.slice(0, places.shape[1])}`;
        return Array.from({ length: places.shape[0]! }, (_, i) => i).filter((i) => `${tupleAt(places, i)}` === target);
      };
      const depth = indices.shape[1]!;
      const scatterND: Case = {
        run: ((tensor: T, places: T, given: T) =>
          tf.scatterND(through(places), given, tensor.shape as [number])) as Case["run"],
        define: ((tensor: Plain, places: Plain, given: Plain) =>
          buildSums(tensor.shape, tensor.dtype, (index) =>
            hits(places, index).map((i) => at(given, [i, ...index.slice(depth)])),
          )) as Case["define"],
      };
      const tensorScatterUpdate: Case = {
        run: ((tensor: T, places: T, given: T) =>
          tf.tensorScatterUpdate(tensor, through(places), given)) as Case["run"],
        define: ((tensor: Plain, places: Plain, given: Plain) =>
          build(tensor.shape, tensor.dtype, (index) => {
            const last = hits(places, index).at(-1);
            return last === undefined ? at(tensor, index) : at(given, [last, ...index.slice(depth)]);
          })) as Case["define"],
      };
      compare({ scatterND, tensorScatterUpdate }, [x, indices, updates]);
    });
  });

  test.each([3, 100])("rows are summed into %i segments, ids out of range dropped", (count) => {
    const setting = fc
      .tuple(fc.integer({ min: 0, max: 30 }), shapes({ maxRank: 3, empty: false }))
      .chain(([rows, rest]) =>
        fc.tuple(plains([rows, ...rest], "float32", floats({ odd: false })), integers([rows], -2, count + 1)),
      );
    holds(setting, ([x, ids]) => {
      const unsortedSegmentSum: Case = {
        run: ((tensor: T, segments: T) =>
          tf.unsortedSegmentSum(tensor, through(segments) as tf.Tensor1D, count)) as Case["run"],
        define: ((tensor: Plain, segments: Plain) =>
          buildSums([count, ...tensor.shape.slice(1)], "float32", ([segment, ...rest]) =>
            segments.data.flatMap((id, row) => (id === segment ? [at(tensor, [row, ...rest])] : [])),
          )) as Case["define"],
      };
      compare({ unsortedSegmentSum }, [x, ids]);
    });
  });

  test("one-hot rows, of nothing where the index is out of range", () => {
    const setting = fc.tuple(
      shapes({ maxRank: 3 }).chain((shape) => integers(shape, -2, 6)),
      fc.integer({ min: 2, max: 5 }),
    );
    holds(setting, ([indices, depth]) => {
      const hot = (dtype: "float32" | "int32"): Case => ({
        run: ((places: T) => tf.oneHot(through(places), depth, 3, -1, dtype)) as Case["run"],
        define: ((places: Plain) =>
          build([...places.shape, depth], dtype, (index) =>
            at(places, index.slice(0, -1)) === index.at(-1) ? 3 : -1,
          )) as Case["define"],
      });
      compare({ float32: hot("float32"), int32: hot("int32") }, [indices]);
    });
  });
});

test("the largest elements come sorted, the first of equals first", () => {
  const setting = shapes({ minRank: 1, maxRank: 3, empty: false }).chain((shape) =>
    fc.tuple(
      plains(shape, "float32", fc.oneof(floats({ odd: false }), fc.constantFrom(1, 2))),
      fc.integer({ min: 1, max: shape.at(-1)! }),
    ),
  );
  holds(setting, ([x, k]) => {
    const order = (group: readonly number[]): number[] =>
      group.map((_, i) => i).sort((a, b) => group[b]! - group[a]! || a - b);
    const groupAt = (tensor: Plain, index: readonly number[]): number[] =>
      Array.from({ length: tensor.shape.at(-1)! }, (_, i) => at(tensor, index.with(-1, i)));
    compare(
      {
        values: {
          run: ((tensor: T) => tf.topk(tensor, k).values) as Case["run"],
          define: ((tensor: Plain) =>
            build(
              tensor.shape.with(-1, k),
              "float32",
              (index) => groupAt(tensor, index)[order(groupAt(tensor, index))[index.at(-1)!]!]!,
            )) as Case["define"],
        },
        indices: {
          run: ((tensor: T) => tf.topk(tensor, k).indices) as Case["run"],
          define: ((tensor: Plain) =>
            build(
              tensor.shape.with(-1, k),
              "int32",
              (index) => order(groupAt(tensor, index))[index.at(-1)!]!,
            )) as Case["define"],
        },
      },
      [x],
    );
  });
});

test("sums of many rows of one id are equal bit for bit in every run", () => {
  tf.tidy(() => {
    // Enough work for two threads to meet in the same rows.
    const [rows, width] = [2000, 64];
    const x = tf.randomNormal([rows, width], 0, 1, "float32", 7);
    const few = tf.tensor1d(
      Array.from({ length: rows }, (_, i) => i % 3),
      "int32",
    );
    const many = tf.tensor1d(
      Array.from({ length: rows }, (_, i) => (i * 7919) % 100),
      "int32",
    );
    const places = tf.expandDims(many, 1);
    const once = (): Plain[] =>
      [
        tf.unsortedSegmentSum(tf.add(x, 0), few, 3),
        tf.unsortedSegmentSum(tf.add(x, 0), many, 100),
        tf.scatterND(places, tf.add(x, 0), [100, width]),
      ].map((tensor) => ({ shape: tensor.shape, dtype: "float32", data: [...tensor.dataSync()] }));
    const first = once();
    for (let run = 0; run < 20; run++) {
      for (const [i, sums] of once().entries())
        expect(differenceOf(`run ${run}`, sums, first[i]!, { relative: 0, absolute: 0 })).toBeUndefined();
    }
  });
});

test("none of these runs on the plain backend", () => {
  const kernels = ["GatherV2", "GatherNd", "ScatterNd", "TensorScatterUpdate", "UnsortedSegmentSum", "OneHot", "TopK"];
  expect(kernels.filter((kernel) => kernel in backendReport().fallback)).toEqual([]);
});
