/** Kernels on images against their definitions: convolutions, pooling, normalisation, resizing. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { backendReport } from "../register.ts";
import { convolution, depthwiseConvolution, outputSize, pooling, type Windows } from "./image-definitions.fixture.ts";
import { onOnnx } from "./on-onnx.fixture.ts";
import { at, build, type Case, compare, floats, holds, type Plain, plains } from "./plain.fixture.ts";

onOnnx();

type T = tf.Tensor;

const count = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const pair = (min: number, max: number): fc.Arbitrary<[number, number]> => fc.tuple(count(min, max), count(min, max));
const finite = floats({ odd: false });

/** Images and windows that fit into them. */
const setting = fc
  .record({
    shape: fc.tuple(count(1, 2), count(3, 8), count(3, 8), count(1, 4)),
    kernel: pair(1, 3),
    strides: pair(1, 3),
    dilations: pair(1, 2),
    padding: fc.tuple(pair(0, 2), pair(0, 2)),
    dilated: fc.boolean(),
    outChannels: count(1, 4),
  })
  .map(({ strides, dilations, dilated, ...rest }) => ({
    ...rest,
    // tfjs takes either strides or dilations.
    strides: dilated ? ([1, 1] as [number, number]) : strides,
    dilations: dilated ? dilations : ([1, 1] as [number, number]),
  }))
  .filter((windows) =>
    outputSize({ shape: windows.shape, dtype: "float32", data: [] }, windows).every((size) => size > 0),
  );

const explicit = ({ padding }: Windows): [[number, number], [number, number], [number, number], [number, number]] => [
  [0, 0],
  [...padding[0]],
  [...padding[1]],
  [0, 0],
];

test("convolutions with strides, dilations and padding", () => {
  const inputs = setting.chain((windows) => {
    const [, , , channels] = windows.shape;
    return fc.tuple(
      fc.constant(windows),
      plains(windows.shape, "float32", finite),
      plains([...windows.kernel, channels, windows.outChannels], "float32", finite),
      plains([...windows.kernel, channels, Math.min(windows.outChannels, 2)], "float32", finite),
      plains([windows.outChannels], "float32", finite),
    );
  });
  holds(inputs, ([windows, x, filter, depthwise, bias]) => {
    const { strides, dilations } = windows;
    const pad = explicit(windows);
    const cases: Record<string, Case> = {
      conv2d: {
        run: ((image: tf.Tensor4D, kernel: tf.Tensor4D) =>
          tf.conv2d(image, kernel, strides, pad, "NHWC", dilations)) as Case["run"],
        define: ((image: Plain, kernel: Plain) => convolution(image, kernel, windows)) as Case["define"],
      },
      depthwiseConv2d: {
        run: ((image: tf.Tensor4D, _: T, kernel: tf.Tensor4D) =>
          tf.depthwiseConv2d(image, kernel, strides, pad, "NHWC", dilations)) as Case["run"],
        define: ((image: Plain, _: Plain, kernel: Plain) =>
          depthwiseConvolution(image, kernel, windows)) as Case["define"],
      },
      fused: {
        run: ((image: tf.Tensor4D, kernel: tf.Tensor4D, _: T, addend: T) =>
          tf.fused.conv2d({
            x: image,
            filter: kernel,
            strides,
            pad,
            dilations,
            bias: addend,
            activation: "relu6",
          })) as Case["run"],
        define: ((image: Plain, kernel: Plain, _: Plain, addend: Plain) => {
          const made = convolution(image, kernel, windows);
          const data = made.data.map((element, i) =>
            Math.min(Math.max(element + addend.data[i % addend.data.length]!, 0), 6),
          );
          return { ...made, data };
        }) as Case["define"],
      },
    };
    compare(cases, [x, filter, depthwise, bias]);
  });
});

test("pooling, of what windows cover of the image", () => {
  const inputs = setting.chain((windows) =>
    fc.tuple(
      fc.constant({ ...windows, dilations: [1, 1] as [number, number] }),
      plains(windows.shape, "float32", finite),
    ),
  );
  holds(inputs, ([windows, x]) => {
    const { kernel, strides } = windows;
    const fits = windows.padding.flat().every((size, i) => size < kernel[Math.floor(i / 2)]!);
    if (!fits || outputSize(x, windows).some((size) => size < 1)) return;
    const pad = explicit(windows);
    compare(
      {
        maxPool: {
          run: ((image: tf.Tensor4D) => tf.maxPool(image, kernel, strides, pad)) as Case["run"],
          define: ((image: Plain) => pooling(image, windows, "max")) as Case["define"],
        },
        avgPool: {
          run: ((image: tf.Tensor4D) => tf.avgPool(image, kernel, strides, pad)) as Case["run"],
          define: ((image: Plain) => pooling(image, windows, "avg")) as Case["define"],
        },
      },
      [x],
    );
  });
});

test("batch normalisation with statistics that are known", () => {
  const inputs = fc.tuple(count(1, 2), count(1, 3), count(1, 3), count(1, 5)).chain((shape) => {
    const channel = [shape[3]];
    return fc.tuple(
      plains(shape, "float32", finite),
      plains(channel, "float32", finite),
      plains(channel, "float32", floats({ low: 0, odd: false })),
      plains(channel, "float32", finite),
      plains(channel, "float32", finite),
    );
  });
  holds(inputs, (given) => {
    const batchNorm: Case = {
      run: ((x: tf.Tensor4D, mean: tf.Tensor1D, variance: tf.Tensor1D, offset: tf.Tensor1D, scale: tf.Tensor1D) =>
        tf.batchNorm4d(x, mean, variance, offset, scale, 0.01)) as Case["run"],
      define: ((x: Plain, mean: Plain, variance: Plain, offset: Plain, scale: Plain) =>
        build(x.shape, "float32", (index) => {
          const channel = [index[3]!];
          return (
            ((at(x, index) - at(mean, channel)) / Math.sqrt(at(variance, channel) + 0.01)) * at(scale, channel) +
            at(offset, channel)
          );
        })) as Case["define"],
      tolerance: { absolute: 1e-5 },
    };
    compare({ batchNorm }, given);
  });
});

test("images are resized, with either convention for their corners", () => {
  const inputs = fc
    .record({
      shape: fc.tuple(count(1, 2), count(1, 5), count(1, 5), count(1, 3)),
      size: pair(1, 8),
      alignCorners: fc.boolean(),
      halfPixelCenters: fc.boolean(),
    })
    .filter(({ alignCorners, halfPixelCenters }) => !(alignCorners && halfPixelCenters))
    .chain((options) => fc.tuple(fc.constant(options), plains(options.shape, "float32", finite)));
  holds(inputs, ([{ size, alignCorners, halfPixelCenters }, x]) => {
    const source = (axis: 0 | 1, i: number): number => {
      const [from, to] = [x.shape[axis + 1]!, size[axis]];
      const step = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
      return halfPixelCenters ? (i + 0.5) * step - 0.5 : i * step;
    };
    const clamp = (i: number, axis: 0 | 1): number => Math.min(Math.max(i, 0), x.shape[axis + 1]! - 1);
    const shape = [x.shape[0]!, ...size, x.shape[3]!];
    const resizeBilinear: Case = {
      run: ((image: tf.Tensor4D) =>
        tf.image.resizeBilinear(image, size, alignCorners, halfPixelCenters)) as Case["run"],
      define: ((image: Plain) =>
        build(shape, "float32", ([b, row, column, channel]) => {
          const [y, z] = [source(0, row!), source(1, column!)];
          const [top, left] = [Math.floor(y), Math.floor(z)];
          const corner = (down: 0 | 1, right: 0 | 1): number => {
            const weight = (down ? y - top : 1 - y + top) * (right ? z - left : 1 - z + left);
            return weight * at(image, [b!, clamp(top + down, 0), clamp(left + right, 1), channel!]);
          };
          return corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1);
        })) as Case["define"],
      tolerance: { absolute: 4e-6 },
    };
    const nearest = (axis: 0 | 1, i: number): number => {
      const place = source(axis, i) + (halfPixelCenters ? 0.5 : 0);
      return clamp(alignCorners ? Math.round(place) : Math.floor(place), axis);
    };
    const resizeNearestNeighbor: Case = {
      run: ((image: tf.Tensor4D) =>
        tf.image.resizeNearestNeighbor(image, size, alignCorners, halfPixelCenters)) as Case["run"],
      define: ((image: Plain) =>
        build(shape, "float32", ([b, row, column, channel]) =>
          at(image, [b!, nearest(0, row!), nearest(1, column!), channel!]),
        )) as Case["define"],
    };
    compare({ resizeBilinear, resizeNearestNeighbor }, [x]);
  });
});

test("none of these runs on the plain backend", () => {
  const kernels = [
    "Conv2D",
    "DepthwiseConv2dNative",
    "FusedConv2D",
    "MaxPool",
    "AvgPool",
    "FusedBatchNorm",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
  ];
  expect(kernels.filter((kernel) => kernel in backendReport().fallback)).toEqual([]);
});
