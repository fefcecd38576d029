/** Pooling over windows and its gradients. Images are `[batch, height, width, channels]`. */
import { backend_util, type NamedAttrMap } from "@tensorflow/tfjs-core";
import { sizeOf, uniformValue, type Value } from "../graph.ts";
import { operation, operations, reshapeTo } from "../tracer.ts";
import type { Input, KernelTable } from "./table.ts";
import {
  channelsFirst,
  channelsFirstShape,
  channelsLast,
  type Windows,
  windowAttributes,
  windowsOf,
} from "./window.ts";

interface Pool {
  readonly info: backend_util.Conv2DInfo;
  readonly windows: Windows;
}

/** The windows of a pooling kernel; nothing, where ONNX Runtime refuses them. */
function poolOf(x: Input, { filterSize, strides, pad, dimRoundingMode }: NamedAttrMap): Pool | undefined {
  if (x.value.type !== "float32" || sizeOf(x.shape) === 0) return undefined;
  const info = backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    filterSize as [number, number],
    strides as [number, number],
    1,
    pad as number,
    dimRoundingMode as "floor",
  );
  const windows = windowsOf(info);
  const fits = [0, 1].every((i) => windows.before[i]! < windows.kernel[i]! && windows.after[i]! < windows.kernel[i]!);
  return fits ? { info, windows } : undefined;
}

/** Attributes without dilations, which pooling in tfjs does not have. */
function poolAttributes(windows: Windows) {
  const { dilations: _, ...attributes } = windowAttributes(windows);
  return attributes;
}

/** The largest elements, `[batch, channels, height, width]`, and their places among all elements. */
function largest(x: Value, { info, windows }: Pool): [Value, Value] {
  const shape = channelsFirstShape(info.outShape);
  return operations(
    "MaxPool",
    [channelsFirst(x)],
    [
      { shape, type: "float32" },
      { shape, type: "int64" },
    ],
    { attributes: poolAttributes(windows) },
  ) as [Value, Value];
}

export const poolingKernels: KernelTable = {
  MaxPool: ({ x }, attributes) => {
    const pool = poolOf(x!, attributes);
    if (pool === undefined) return undefined;
    const { info, windows } = pool;
    const made = operation("MaxPool", [channelsFirst(x!.value)], channelsFirstShape(info.outShape), "float32", {
      attributes: poolAttributes(windows),
    });
    return channelsLast(made);
  },
  MaxPoolGrad: ({ dy, input }, attributes) => {
    const pool = poolOf(input!, attributes);
    if (pool === undefined || sizeOf(dy!.shape) === 0) return undefined;
    const [, places] = largest(input!.value, pool);
    const size = [sizeOf(input!.shape)];
    // One after another, so that windows that overlap are summed in one order.
    const collected = operation(
      "ScatterElements",
      [
        uniformValue(0, size, "float32"),
        reshapeTo(places, [sizeOf(places.shape)]),
        reshapeTo(channelsFirst(dy!.value), [sizeOf(dy!.shape)]),
      ],
      size,
      "float32",
      { attributes: { axis: 0, reduction: "add" } },
    );
    return channelsLast(reshapeTo(collected, channelsFirstShape(input!.shape)));
  },
  AvgPool: ({ x }, attributes) => {
    const pool = poolOf(x!, attributes);
    if (pool === undefined) return undefined;
    const { info, windows } = pool;
    const made = operation("AveragePool", [channelsFirst(x!.value)], channelsFirstShape(info.outShape), "float32", {
      attributes: { ...poolAttributes(windows), count_include_pad: 0 },
    });
    return channelsLast(made);
  },
  // tfjs divides by the whole window here, also where it reaches over the border.
  AvgPoolGrad: ({ dy, input }, attributes) => {
    const pool = poolOf(input!, attributes);
    if (pool === undefined || sizeOf(dy!.shape) === 0) return undefined;
    const { info, windows } = pool;
    const share = 1 / (windows.kernel[0] * windows.kernel[1]);
    const spread = operation(
      "ConvTranspose",
      [channelsFirst(dy!.value), uniformValue(share, [info.inChannels, 1, ...windows.kernel], "float32")],
      channelsFirstShape(input!.shape),
      "float32",
      {
        attributes: {
          ...windowAttributes(windows),
          output_padding: windows.after.map((count) => Math.max(-count, 0)),
          group: info.inChannels,
        },
      },
    );
    return channelsLast(spread);
  },
};
