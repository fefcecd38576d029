/** Convolutions and pooling by their definitions, on images `[batch, height, width, channels]`. */
import { at, build, buildSums, type Plain } from "./plain.fixture.ts";

/** How windows lie: pairs are height and width, padding before and after in each. */
export interface Windows {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
}

/** Height and width of the result. */
export function outputSize(x: Plain, { kernel, strides, dilations, padding }: Windows): [number, number] {
  const along = (axis: 0 | 1): number => {
    const length = x.shape[axis + 1]! + padding[axis][0] + padding[axis][1];
    return Math.floor((length - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  };
  return [along(0), along(1)];
}

/** The places of the image that a window covers, with their places in the window. */
function covered(x: Plain, { kernel, strides, dilations, padding }: Windows, row: number, column: number) {
  return Array.from({ length: kernel[0] * kernel[1] }, (_, i) => {
    const [down, right] = [Math.floor(i / kernel[1]), i % kernel[1]];
    const y = row * strides[0] + down * dilations[0] - padding[0][0];
    const z = column * strides[1] + right * dilations[1] - padding[1][0];
    return { down, right, y, z };
  }).filter(({ y, z }) => y >= 0 && z >= 0 && y < x.shape[1]! && z < x.shape[2]!);
}

/** A convolution with a filter `[height, width, in, out]`. */
export function convolution(x: Plain, filter: Plain, windows: Windows): Plain {
  const channels = Array.from({ length: x.shape[3]! }, (_, channel) => channel);
  return buildSums([x.shape[0]!, ...outputSize(x, windows), filter.shape[3]!], "float32", ([b, row, column, out]) =>
    covered(x, windows, row!, column!).flatMap(({ down, right, y, z }) =>
      channels.map((channel) => at(x, [b!, y, z, channel]) * at(filter, [down, right, channel, out!])),
    ),
  );
}

/** A convolution of each channel alone, with a filter `[height, width, channels, multiplier]`. */
export function depthwiseConvolution(x: Plain, filter: Plain, windows: Windows): Plain {
  const multiplier = filter.shape[3]!;
  return buildSums(
    [x.shape[0]!, ...outputSize(x, windows), x.shape[3]! * multiplier],
    "float32",
    ([b, row, column, out]) => {
      const [channel, copy] = [Math.floor(out! / multiplier), out! % multiplier];
      return covered(x, windows, row!, column!).map(
        ({ down, right, y, z }) => at(x, [b!, y, z, channel]) * at(filter, [down, right, channel, copy]),
      );
    },
  );
}

/** The largest element, or the mean, of what each window covers. */
export function pooling(x: Plain, windows: Windows, type: "max" | "avg"): Plain {
  return build([x.shape[0]!, ...outputSize(x, windows), x.shape[3]!], "float32", ([b, row, column, channel]) => {
    const seen = covered(x, windows, row!, column!).map(({ y, z }) => at(x, [b!, y, z, channel!]));
    return type === "max" ? Math.max(...seen) : seen.reduce((sum, element) => sum + element, 0) / seen.length;
  });
}
