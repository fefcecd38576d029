/** Windows that move over images: what convolutions and pooling have in common. Images are `[batch, height, width, channels]`. */
import type { backend_util } from "@tensorflow/tfjs-core";
import type { Attributes, Value } from "../graph.ts";
import { transposeTo } from "../tracer.ts";

/** How windows lie on an image; pairs are height and width. */
export interface Windows {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  /** Rows and columns of padding before the image. */
  readonly before: readonly [number, number];
  /** The same after the image; negative where the last windows end before it. */
  readonly after: readonly [number, number];
}

type Pair<T> = readonly [T, T];

const pair = <T>(make: (axis: 0 | 1) => T): Pair<T> => [make(0), make(1)];

/** The windows of tfjs-core's description, with just the padding that they reach into. */
export function windowsOf(info: backend_util.Conv2DInfo): Windows {
  const kernel = [info.filterHeight, info.filterWidth] as const;
  const strides = [info.strideHeight, info.strideWidth] as const;
  const dilations = [info.dilationHeight, info.dilationWidth] as const;
  const input = [info.inHeight, info.inWidth] as const;
  const output = [info.outHeight, info.outWidth] as const;
  const before = [info.padInfo.top, info.padInfo.left] as const;
  const after = pair((i) => (output[i] - 1) * strides[i] + dilations[i] * (kernel[i] - 1) + 1 - input[i] - before[i]);
  return { kernel, strides, dilations, input, output, before, after };
}

/** Attributes of an operator that moves these windows. */
export function windowAttributes({ kernel, strides, dilations, before, after }: Windows): Attributes {
  return {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...before, ...after.map((count) => Math.max(count, 0))],
  };
}

/** From `[batch, height, width, channels]` to `[batch, channels, height, width]`, as ONNX wants images. */
export const channelsFirst = (value: Value): Value => transposeTo(value, [0, 3, 1, 2]);

/** And back. */
export const channelsLast = (value: Value): Value => transposeTo(value, [0, 2, 3, 1]);

/** The shape of an image with its channels first. */
export function channelsFirstShape([batch, height, width, channels]: readonly number[]): number[] {
  return [batch!, channels!, height!, width!];
}
