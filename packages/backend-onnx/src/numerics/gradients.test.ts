/** Gradients of products, indexing, shapes and images against central differences of their definitions. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { backendReport } from "../register.ts";
import { compareAll, compareGradients, type Differentiable, positive, smooth, spread } from "./differences.fixture.ts";
import { convolution, depthwiseConvolution, outputSize, pooling, type Windows } from "./image-definitions.fixture.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import { at, build, buildSums, holds, indicesOf, type Plain, plains } from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

test("products, with either side transposed", () => {
  const size = fc.integer({ min: 1, max: 4 });
  const setting = fc
    .tuple(size, size, size, size, fc.boolean(), fc.boolean())
    .chain(([batch, rows, inner, columns, transposeA, transposeB]) =>
      fc.tuple(
        plains(transposeA ? [batch, inner, rows] : [batch, rows, inner], "float32", smooth),
        plains(transposeB ? [batch, columns, inner] : [batch, inner, columns], "float32", smooth),
        fc.constant({ transposeA, transposeB, shape: [batch, rows, columns], inner }),
      ),
    );
  holds(
    setting,
    ([a, b, { transposeA, transposeB, shape, inner }]) => {
      const matMul: Differentiable = {
        run: ((x: T, y: T) => tf.matMul(x, y, transposeA, transposeB)) as Differentiable["run"],
        define: ((x: Plain, y: Plain) =>
          buildSums(shape, "float32", ([i, row, column]) =>
            Array.from(
              { length: inner },
              (_, k) =>
                at(x, [i!, ...(transposeA ? [k, row!] : [row!, k])]) *
                at(y, [i!, ...(transposeB ? [column!, k] : [k, column!])]),
            ),
          )) as Differentiable["define"],
      };
      compareGradients("matMul", matMul, [a, b]);
    },
    25,
  );
});

test("fused products, for either side, bias and what the activation lets through", () => {
  const setting = fc.tuple(
    plains([3, 4], "float32", smooth),
    plains([4, 2], "float32", smooth),
    plains([2], "float32", smooth),
    fc.constantFrom("linear", "relu", "sigmoid") as fc.Arbitrary<"linear" | "relu" | "sigmoid">,
  );
  const curves = {
    linear: (x: number) => x,
    relu: (x: number) => Math.max(x, 0),
    sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  };
  const sumAt = (a: Plain, b: Plain, bias: Plain, row: number, column: number): number =>
    [0, 1, 2, 3].reduce((sum, k) => sum + at(a, [row, k]) * at(b, [k, column]), at(bias, [column]));
  const awayFromKink = setting.filter(([a, b, bias]) =>
    indicesOf([3, 2]).every(([row, column]) => Math.abs(sumAt(a, b, bias, row!, column!)) > 1e-3),
  );
  holds(
    awayFromKink,
    ([a, b, bias, activation]) => {
      // tfjs-core has this gradient without a registration: the fused operation takes itself apart under the tape.
      const fused: Differentiable = {
        run: ((x: tf.Tensor2D, y: tf.Tensor2D, z: tf.Tensor1D) =>
          tf.fused.matMul({ a: x, b: y, bias: z, activation })) as Differentiable["run"],
        define: ((x: Plain, y: Plain, z: Plain) =>
          build([3, 2], "float32", ([row, column]) =>
            curves[activation](sumAt(x, y, z, row!, column!)),
          )) as Differentiable["define"],
      };
      compareGradients(`fused ${activation}`, fused, [a, b, bias]);
    },
    10,
  );
});

test("rows that are gathered several times", () => {
  const setting = fc
    .tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 12 }))
    .chain(([rows, picks]) =>
      fc.tuple(
        plains([rows, 2], "float32", smooth),
        fc.array(fc.nat(rows - 1), { minLength: picks, maxLength: picks }),
      ),
    );
  holds(
    setting,
    ([x, places]) => {
      const gather: Differentiable = {
        run: ((table: T) => tf.gather(table, tf.tensor1d(places, "int32"))) as Differentiable["run"],
        define: ((table: Plain) =>
          build([places.length, 2], "float32", ([i, column]) =>
            at(table, [places[i!]!, column!]),
          )) as Differentiable["define"],
      };
      compareGradients("gather", gather, [x]);
    },
    20,
  );
});

test("sums of rows with one id, for the rows", () => {
  const setting = fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }))
    .chain(([rows, segments]) =>
      fc.tuple(
        plains([rows, 2], "float32", smooth),
        fc.array(fc.nat(segments - 1), { minLength: rows, maxLength: rows }),
        fc.constant(segments),
      ),
    );
  holds(
    setting,
    ([x, ids, segments]) => {
      const segmentSum: Differentiable = {
        run: ((rows: T) => tf.unsortedSegmentSum(rows, tf.tensor1d(ids, "int32"), segments)) as Differentiable["run"],
        define: ((rows: Plain) =>
          buildSums([segments, 2], "float32", ([segment, column]) =>
            ids.flatMap((id, row) => (id === segment ? [at(rows, [row, column!])] : [])),
          )) as Differentiable["define"],
      };
      compareGradients("unsortedSegmentSum", segmentSum, [x]);
    },
    10,
  );
});

const everyThird = (): T =>
  tf.tensor(
    Array.from({ length: 24 }, (_, i) => i % 3 === 0),
    [2, 3, 4],
    "bool",
  );

test("what is moved, cut, joined, padded and repeated", () => {
  const cases: Record<string, Differentiable> = {
    transpose: {
      run: ((x: T) => tf.transpose(x, [1, 2, 0])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([3, 4, 2], "float32", ([i, j, k]) => at(x, [k!, i!, j!]))) as Differentiable["define"],
    },
    slice: {
      run: ((x: T) => tf.slice(x, [0, 1, 2], [2, 2, 1])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 2, 1], "float32", ([i, j, k]) => at(x, [i!, j! + 1, k! + 2]))) as Differentiable["define"],
    },
    concat: {
      run: ((x: T) => tf.concat([x, tf.square(x)], 1)) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 6, 4], "float32", ([i, j, k]) =>
          j! < 3 ? at(x, [i!, j!, k!]) : at(x, [i!, j! - 3, k!]) ** 2,
        )) as Differentiable["define"],
    },
    pad: {
      run: ((x: T) =>
        tf.pad(x, [
          [1, 0],
          [0, 0],
          [0, 2],
        ])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([3, 3, 6], "float32", ([i, j, k]) =>
          i! > 0 && k! < 4 ? at(x, [i! - 1, j!, k!]) : 0,
        )) as Differentiable["define"],
    },
    tile: {
      run: ((x: T) => tf.tile(x, [1, 2, 1])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 6, 4], "float32", ([i, j, k]) => at(x, [i!, j! % 3, k!]))) as Differentiable["define"],
    },
    stack: {
      run: ((x: T) => tf.stack([x, tf.neg(x)], 1)) as Differentiable["run"],
      define: ((x: Plain) =>
        build(
          [2, 2, 3, 4],
          "float32",
          ([i, s, j, k]) => (s === 0 ? 1 : -1) * at(x, [i!, j!, k!]),
        )) as Differentiable["define"],
    },
    split: {
      run: ((x: T) => {
        const [a, b] = tf.split(x, 2, 2) as [T, T];
        return tf.mul(a, b);
      }) as Differentiable["run"],
      define: ((x: Plain) =>
        build(
          [2, 3, 2],
          "float32",
          ([i, j, k]) => at(x, [i!, j!, k!]) * at(x, [i!, j!, k! + 2]),
        )) as Differentiable["define"],
    },
    where: {
      run: ((x: T) => tf.where(everyThird(), tf.mul(x, 3), x)) as Differentiable["run"],
      define: ((x: Plain) =>
        build(
          [2, 3, 4],
          "float32",
          (index) => at(x, index) * ((index[0]! * 12 + index[1]! * 4 + index[2]!) % 3 === 0 ? 3 : 1),
        )) as Differentiable["define"],
    },
    reverse: {
      run: ((x: T) => tf.reverse(x, [0, -1])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 3, 4], "float32", ([i, j, k]) => at(x, [1 - i!, j!, 3 - k!]))) as Differentiable["define"],
    },
    unstack: {
      run: ((x: T) => {
        const [a, b] = tf.unstack(x, 0) as [T, T];
        return tf.mul(a, b);
      }) as Differentiable["run"],
      define: ((x: Plain) =>
        build([3, 4], "float32", ([j, k]) => at(x, [0, j!, k!]) * at(x, [1, j!, k!]))) as Differentiable["define"],
    },
    broadcastTo: {
      run: ((x: T) => tf.broadcastTo(tf.expandDims(x, 1), [2, 3, 3, 4])) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 3, 3, 4], "float32", ([i, , j, k]) => at(x, [i!, j!, k!]))) as Differentiable["define"],
    },
    cumsum: {
      run: ((x: T) => tf.cumsum(x, 2, false, true)) as Differentiable["run"],
      define: ((x: Plain) =>
        build([2, 3, 4], "float32", ([i, j, k]) =>
          [0, 1, 2, 3].filter((l) => l >= k!).reduce((sum, l) => sum + at(x, [i!, j!, l]), 0),
        )) as Differentiable["define"],
    },
  };
  holds(plains([2, 3, 4], "float32", smooth), (x) => compareAll(cases, [x]), 4);
});

test("convolutions for image and filter, and pooling", () => {
  const two = (min: number, max: number): fc.Arbitrary<[number, number]> =>
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
  const setting = fc
    .record({
      shape: fc.tuple(fc.constant(2), fc.integer({ min: 3, max: 5 }), fc.integer({ min: 3, max: 5 }), fc.constant(2)),
      kernel: two(1, 3),
      strides: two(1, 2),
      padding: fc.tuple(two(0, 1), two(0, 1)),
    })
    .map((windows): Windows & { shape: number[] } => ({ ...windows, dilations: [1, 1] }))
    .chain((windows) =>
      fc.tuple(
        fc.constant(windows),
        plains(windows.shape, "float32", smooth).map(spread),
        plains([...windows.kernel, 2, 2], "float32", smooth),
      ),
    );
  holds(
    setting,
    ([windows, x, filter]) => {
      if (outputSize(x, windows).some((size) => size < 1)) return;
      const strides = [...windows.strides] as [number, number];
      const pad: [[number, number], [number, number], [number, number], [number, number]] = [
        [0, 0],
        [...windows.padding[0]],
        [...windows.padding[1]],
        [0, 0],
      ];
      compareGradients(
        "conv2d",
        {
          run: ((image: tf.Tensor4D, kernel: tf.Tensor4D) =>
            tf.conv2d(image, kernel, strides, pad)) as Differentiable["run"],
          define: ((image: Plain, kernel: Plain) => convolution(image, kernel, windows)) as Differentiable["define"],
        },
        [x, filter],
      );
      // tfjs-core passes explicit padding on to no other gradient.
      const bare: Windows = {
        ...windows,
        padding: [
          [0, 0],
          [0, 0],
        ],
      };
      if (outputSize(x, bare).some((size) => size < 1)) return;
      compareGradients(
        "depthwiseConv2d",
        {
          run: ((image: tf.Tensor4D, kernel: tf.Tensor4D) =>
            tf.depthwiseConv2d(image, kernel, strides, "valid")) as Differentiable["run"],
          define: ((image: Plain, kernel: Plain) =>
            depthwiseConvolution(image, kernel, bare)) as Differentiable["define"],
        },
        [x, filter],
      );
      const kernel = [...windows.kernel] as [number, number];
      for (const type of ["max", "avg"] as const)
        compareGradients(
          `${type}Pool`,
          {
            run: ((image: tf.Tensor4D) =>
              (type === "max" ? tf.maxPool : tf.avgPool)(image, kernel, strides, "valid")) as Differentiable["run"],
            define: ((image: Plain) => pooling(image, bare, type)) as Differentiable["define"],
          },
          [x],
        );
    },
    12,
  );
});

test("square images are resized, with either convention for their corners", () => {
  // tfjs-backend-cpu's gradient of resizeBilinear exchanges height and width.
  const setting = fc.record({
    x: plains([1, 3, 3, 2], "float32", smooth),
    size: fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 6 })),
    alignCorners: fc.boolean(),
  });
  holds(
    setting,
    ({ x, size, alignCorners }) => {
      const source = (axis: 0 | 1, i: number): number => {
        const [from, to] = [x.shape[axis + 1]!, size[axis]];
        return i * (alignCorners ? (from - 1) / (to - 1) : from / to);
      };
      const shape = [1, ...size, 2];
      const inside = (i: number, axis: 0 | 1): number => Math.min(i, x.shape[axis + 1]! - 1);
      const resizeBilinear: Differentiable = {
        run: ((image: tf.Tensor4D) => tf.image.resizeBilinear(image, size, alignCorners)) as Differentiable["run"],
        define: ((image: Plain) =>
          build(shape, "float32", ([b, row, column, channel]) => {
            const [y, z] = [source(0, row!), source(1, column!)];
            const [top, left] = [Math.floor(y), Math.floor(z)];
            const corner = (down: 0 | 1, right: 0 | 1): number =>
              (down ? y - top : 1 - y + top) *
              (right ? z - left : 1 - z + left) *
              at(image, [b!, inside(top + down, 0), inside(left + right, 1), channel!]);
            return corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1);
          })) as Differentiable["define"],
      };
      const nearest = (axis: 0 | 1, i: number): number =>
        inside(alignCorners ? Math.round(source(axis, i)) : Math.floor(source(axis, i)), axis);
      const resizeNearestNeighbor: Differentiable = {
        run: ((image: tf.Tensor4D) =>
          tf.image.resizeNearestNeighbor(image, size, alignCorners)) as Differentiable["run"],
        define: ((image: Plain) =>
          build(shape, "float32", ([b, row, column, channel]) =>
            at(image, [b!, nearest(0, row!), nearest(1, column!), channel!]),
          )) as Differentiable["define"],
      };
      compareAll({ resizeBilinear, resizeNearestNeighbor }, [x]);
    },
    10,
  );
});

test("batch normalisation, for the image, its statistics, offset and scale", () => {
  const channel = (): fc.Arbitrary<Plain> => plains([2], "float32", positive);
  const batchNorm: Differentiable = {
    run: ((x: tf.Tensor4D, mean: tf.Tensor1D, variance: tf.Tensor1D, offset: tf.Tensor1D, scale: tf.Tensor1D) =>
      tf.batchNorm4d(x, mean, variance, offset, scale, 0.01)) as Differentiable["run"],
    define: ((x: Plain, mean: Plain, variance: Plain, offset: Plain, scale: Plain) =>
      build(x.shape, "float32", (index) => {
        const here = [index[3]!];
        const normal = (at(x, index) - at(mean, here)) / Math.sqrt(at(variance, here) + 0.01);
        return normal * at(scale, here) + at(offset, here);
      })) as Differentiable["define"],
  };
  const inputs = fc.tuple(plains([2, 2, 3, 2], "float32", smooth), channel(), channel(), channel(), channel());
  holds(inputs, (given) => compareGradients("batchNorm", batchNorm, given), 5);
});

test("the fallbacks of all this are the gradients of resizing", () => {
  expect(Object.keys(backendReport().fallback).sort()).toEqual(["ResizeBilinearGrad", "ResizeNearestNeighborGrad"]);
});
