/** Images `[batch, height, width, channels]` in other sizes, by the places that each new row and column comes from. */
import { constant, hostValue, sizeOf, type Value } from "../graph.ts";
import { convertTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import { pick } from "./indexing.ts";
import type { Input, KernelTable } from "./table.ts";

/** Where rows or columns of a resized image lie in the original. */
interface Sampling {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Distance in the original between two neighbours of the new image. */
function spacing(from: number, to: number, { alignCorners }: Sampling): number {
  return alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
}

/** The image along one axis, interpolated between the two nearest rows or columns. */
function interpolate(value: Value, axis: number, length: number, sampling: Sampling): Value {
  const last = value.shape[axis]! - 1;
  const step = spacing(last + 1, length, sampling);
  const sources = Array.from({ length }, (_, i) => (sampling.halfPixelCenters ? step * (i + 0.5) - 0.5 : step * i));
  const floors = sources.map((source) => Math.max(0, Math.floor(source)));
  const ceils = sources.map((source) => Math.min(last, Math.max(0, Math.ceil(source))));
  const fractions = Float32Array.from(sources, (source, i) => source - floors[i]!);
  const lower = pick(value, axis, floors);
  if (fractions.every((fraction) => fraction === 0)) return lower;
  const shape = value.shape.map((_, i) => (i === axis ? length : 1));
  const difference = elementwise("Sub", [pick(value, axis, ceils), lower], "float32");
  return elementwise(
    "Add",
    [lower, elementwise("Mul", [difference, hostValue(fractions, shape, "float32")], "float32")],
    "float32",
  );
}

/** The nearest places in the original of each new row or column. */
function nearest(from: number, to: number, sampling: Sampling): number[] {
  const step = spacing(from, to, sampling);
  const round = sampling.alignCorners ? Math.round : Math.floor;
  return Array.from({ length: to }, (_, i) =>
    Math.min(from - 1, Math.max(0, round(step * (sampling.halfPixelCenters ? i + 0.5 : i)))),
  );
}

const isCovered = ({ value }: Input): boolean => value.type !== "bool" && sizeOf(value.shape) > 0;

export const imageKernels: KernelTable = {
  ResizeBilinear: ({ images }, attributes) => {
    if (!isCovered(images!)) return undefined;
    const [height, width] = attributes["size"] as [number, number];
    const sampling = attributes as unknown as Sampling;
    const columns = interpolate(convertTo(images!.value, "float32"), 2, width, sampling);
    return interpolate(columns, 1, height, sampling);
  },
  ResizeNearestNeighbor: ({ images }, attributes) => {
    if (!isCovered(images!)) return undefined;
    const [height, width] = attributes["size"] as [number, number];
    const [, fromHeight, fromWidth] = images!.shape as [number, number, number];
    const sampling = attributes as unknown as Sampling;
    const columns = pick(images!.value, 2, nearest(fromWidth, width, sampling));
    return pick(columns, 1, nearest(fromHeight, height, sampling));
  },
  FlipLeftRight: ({ image }) => {
    const width = image!.shape[2]!;
    return image!.value.type === "bool" || sizeOf(image!.shape) === 0
      ? undefined
      : pick(
          image!.value,
          2,
          Array.from({ length: width }, (_, i) => width - 1 - i),
        );
  },
};

/** A factor and an addend for each channel: normalisation with statistics that are known. */
export const normalizationKernels: KernelTable = {
  FusedBatchNorm: ({ x, scale, offset, mean, variance }, { varianceEpsilon }) => {
    const { value, shape } = x!;
    const parameters = [scale, offset, mean, variance].flatMap((input) => (input === undefined ? [] : [input]));
    const channels = shape.at(-1)!;
    const fits = parameters.every(
      (input) =>
        input.value.type === "float32" &&
        (input.shape.length <= 1 || input.shape.length === shape.length) &&
        input.shape.every((size, axis) => size === 1 || size === (input.shape.length === 1 ? channels : shape[axis])),
    );
    if (value.type !== "float32" || !fits) return undefined;
    const binary = (type: string, a: Value, b: Value): Value => elementwise(type, [a, b], "float32");
    const variances = binary("Add", variance!.value, constant((varianceEpsilon ?? 0.001) as number));
    const deviation = elementwise("Sqrt", [variances], "float32");
    const factor =
      scale === undefined ? elementwise("Reciprocal", [deviation], "float32") : binary("Div", scale.value, deviation);
    const scaled = binary("Mul", binary("Sub", value, mean!.value), factor);
    return offset === undefined ? scaled : binary("Add", scaled, offset.value);
  },
};
