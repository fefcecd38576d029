/**
 * Two-dimensional convolutions, their gradients and their fused forms. ONNX wants the channels first: images are
 * transposed, which ONNX Runtime takes out again between one convolution and the next.
 *
 * The gradient for the image is a transposed convolution. That for the filter is, for each place in the filter, a product
 * of the image's part which that place sees with the gradient of the output: no transposing, no copies but those parts.
 */
import { backend_util, type NamedAttrMap } from "@tensorflow/tfjs-core";
import { sameShape, sizeOf, type Value } from "../graph.ts";
import { operation, reduce, reshapeTo, transposeTo } from "../tracer.ts";
import { activate } from "./activation.ts";
import { elementwise } from "./elementwise.ts";
import { product } from "./product.ts";
import { pad, slice } from "./shape.ts";
import type { Input, KernelTable, Trace } from "./table.ts";
import {
  channelsFirst,
  channelsFirstShape,
  channelsLast,
  type Windows,
  windowAttributes,
  windowsOf,
} from "./window.ts";

type Shape4D = [number, number, number, number];

/** tfjs-core's description of a convolution; its attributes are those of the kernel. */
function describe(
  image: readonly number[],
  filter: readonly number[],
  { strides, pad, dilations, dimRoundingMode, dataFormat }: NamedAttrMap,
  depthwise: boolean,
): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    [...image] as Shape4D,
    [...filter] as Shape4D,
    strides as [number, number],
    (dilations ?? [1, 1]) as [number, number],
    pad as number,
    dimRoundingMode as "floor",
    depthwise,
    backend_util.convertConv2DDataFormat((dataFormat ?? "NHWC") as "NHWC"),
  );
}

const areFloats = (...inputs: (Input | undefined)[]): boolean =>
  inputs.every((input) => input === undefined || (input.value.type === "float32" && sizeOf(input.value.shape) > 0));

/** The filter as ONNX wants it: `[out, in, height, width]`, for depthwise ones `[in · multiplier, 1, height, width]`. */
function onnxFilter(filter: Value, depthwise: boolean): Value {
  if (!depthwise) return transposeTo(filter, [3, 2, 0, 1]);
  const [height, width, channels, multiplier] = filter.shape as Shape4D;
  return reshapeTo(transposeTo(filter, [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
}

const isLast = (attributes: NamedAttrMap): boolean => attributes["dataFormat"] !== "NCHW";

/** A convolution; images and result have the kernel's data format. */
function convolve(x: Value, filter: Value, attributes: NamedAttrMap, depthwise: boolean): Value {
  const info = describe(x.shape, filter.shape, attributes, depthwise);
  const windows = windowsOf(info);
  const { kernel, strides, before, after } = windows;
  if (
    !depthwise &&
    isLast(attributes) &&
    [...kernel, ...strides].every((n) => n === 1) &&
    [...before, ...after].every((n) => n === 0)
  )
    return product(x, reshapeTo(filter, filter.shape.slice(2)));
  const images = isLast(attributes) ? channelsFirst(x) : x;
  const shape = isLast(attributes) ? channelsFirstShape(info.outShape) : info.outShape;
  const made = operation("Conv", [images, onnxFilter(filter, depthwise)], shape, "float32", {
    attributes: { ...windowAttributes(windows), group: depthwise ? info.inChannels : 1 },
  });
  return isLast(attributes) ? channelsLast(made) : made;
}

/** The gradient for the image, `[batch, height, width, channels]` of `dy` in the same layout. */
function convolveBack(dy: Value, filter: Value, info: backend_util.Conv2DInfo, depthwise: boolean): Value {
  const windows = windowsOf(info);
  const made = operation(
    "ConvTranspose",
    [channelsFirst(dy), onnxFilter(filter, depthwise)],
    [info.batchSize, info.inChannels, info.inHeight, info.inWidth],
    "float32",
    {
      attributes: {
        ...windowAttributes(windows),
        output_padding: windows.after.map((count) => Math.max(-count, 0)),
        group: depthwise ? info.inChannels : 1,
      },
    },
  );
  return channelsLast(made);
}

/** For each place in the filter, the part of the images that it sees, `[batch, outHeight, outWidth, channels]`. */
function seenParts(x: Value, { kernel, strides, dilations, output, before, after }: Windows): Value[] {
  const padded = pad(
    x,
    [
      [0, 0],
      [before[0], Math.max(after[0], 0)],
      [before[1], Math.max(after[1], 0)],
      [0, 0],
    ],
    0,
  );
  const [batch, , , channels] = x.shape as Shape4D;
  const places = Array.from(
    { length: kernel[0] * kernel[1] },
    (_, i) => [Math.floor(i / kernel[1]), i % kernel[1]] as const,
  );
  return places.map(([row, column]) =>
    slice(padded, [0, row * dilations[0], column * dilations[1], 0], [batch, ...output, channels], [1, ...strides, 1]),
  );
}

/** The gradient for the filter, in the filter's shape. */
function filterGradient(x: Value, dy: Value, info: backend_util.Conv2DInfo, depthwise: boolean): Value {
  const parts = seenParts(x, windowsOf(info));
  const { inChannels, outChannels, filterHeight, filterWidth } = info;
  const multiplier = outChannels / inChannels;
  const positions = sizeOf(dy.shape) / outChannels;
  const gradients = parts.map((part) => {
    if (!depthwise)
      return product(reshapeTo(part, [positions, inChannels]), reshapeTo(dy, [positions, outChannels]), {
        transposeA: true,
      });
    const factors = [reshapeTo(part, [positions, inChannels, 1]), reshapeTo(dy, [positions, inChannels, multiplier])];
    return reduce("ReduceSum", elementwise("Mul", factors, "float32"), [0], false);
  });
  const shape = [filterHeight, filterWidth, inChannels, depthwise ? multiplier : outChannels];
  const rows = gradients.map((gradient) => reshapeTo(gradient, [1, ...gradient.shape]));
  const stacked =
    rows.length === 1
      ? rows[0]!
      : operation("Concat", rows, [rows.length, ...gradients[0]!.shape], "float32", { attributes: { axis: 0 } });
  return reshapeTo(stacked, shape);
}

/** Bias or slopes for a result: a list belongs to the channels. */
function alongChannels(value: Value, attributes: NamedAttrMap): Value {
  return isLast(attributes) || value.shape.length !== 1 || value.shape[0] === 1
    ? value
    : reshapeTo(value, [value.shape[0]!, 1, 1]);
}

const forward =
  (depthwise: boolean): Trace =>
  ({ x, filter }, attributes) =>
    areFloats(x, filter) ? convolve(x!.value, filter!.value, attributes, depthwise) : undefined;

const fused =
  (depthwise: boolean): Trace =>
  ({ x, filter, bias, preluActivationWeights: slopes }, attributes) => {
    if (!areFloats(x, filter, bias, slopes)) return undefined;
    const made = convolve(x!.value, filter!.value, attributes, depthwise);
    const moved =
      bias === undefined ? made : elementwise("Add", [made, alongChannels(bias.value, attributes)], "float32");
    return activate(moved, attributes, slopes === undefined ? undefined : alongChannels(slopes.value, attributes));
  };

const imageGradient =
  (depthwise: boolean): Trace =>
  ({ dy, filter }, attributes) => {
    if (!areFloats(dy, filter) || !isLast(attributes)) return undefined;
    const info = describe(attributes["inputShape"] as number[], filter!.shape, attributes, depthwise);
    if (!sameShape(dy!.shape, info.outShape)) return undefined; // tfjs takes a part of it then
    return convolveBack(dy!.value, filter!.value, info, depthwise);
  };

const gradientOfFilter =
  (depthwise: boolean): Trace =>
  ({ x, dy }, attributes) => {
    if (!areFloats(x, dy) || !isLast(attributes)) return undefined;
    const info = describe(x!.shape, attributes["filterShape"] as number[], attributes, depthwise);
    return filterGradient(x!.value, dy!.value, info, depthwise);
  };

export const convolutionKernels: KernelTable = {
  Conv2D: forward(false),
  Conv2DBackpropInput: imageGradient(false),
  Conv2DBackpropFilter: gradientOfFilter(false),
  FusedConv2D: fused(false),
  DepthwiseConv2dNative: forward(true),
  DepthwiseConv2dNativeBackpropInput: imageGradient(true),
  DepthwiseConv2dNativeBackpropFilter: gradientOfFilter(true),
  FusedDepthwiseConv2D: fused(true),
};
