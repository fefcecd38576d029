/** Kernels that move elements without changing them. */
import { backend_util, slice_util, util } from "@tensorflow/tfjs-core";
import { constant, integers, offsets, sameShape, sizeOf, uniformValue, type Value } from "../graph.ts";
import { convertTo, operation, operations, reshapeTo, transposeTo } from "../tracer.ts";
import { pick } from "./indexing.ts";
import { type KernelTable, listOf, type Trace } from "./table.ts";

/** Ranges of `size` elements from `begin` on along every axis, every `strides`-th one. */
export function slice(
  value: Value,
  begin: readonly number[],
  size: readonly number[],
  strides: readonly number[] = size.map(() => 1),
): Value {
  const axes = begin.flatMap((from, axis) => (from === 0 && size[axis] === value.shape[axis] ? [] : [axis]));
  if (axes.length === 0) return value;
  const along = (list: readonly number[]): number[] => axes.map((axis) => list[axis]!);
  const ends = begin.map((from, axis) => from + (size[axis]! - 1) * strides[axis]! + 1);
  const inputs = [value, offsets(along(begin)), offsets(along(ends)), integers(axes)];
  if (strides.some((stride) => stride !== 1)) inputs.push(integers(along(strides)));
  return operation("Slice", inputs, size, value.type);
}

/** Elements of one value around a tensor. */
export function pad(value: Value, paddings: readonly (readonly [number, number])[], element: number): Value {
  const shape = value.shape.map((dimension, axis) => dimension + paddings[axis]![0] + paddings[axis]![1]);
  if (sameShape(shape, value.shape)) return value;
  if (sizeOf(value.shape) === 0) return uniformValue(element, shape, value.type);
  const elements = value.type === "bool" ? "int32" : value.type;
  const inputs = [
    convertTo(value, elements),
    offsets([...paddings.map((pair) => pair[0]), ...paddings.map((pair) => pair[1])]),
    constant(element, elements),
  ];
  return convertTo(operation("Pad", inputs, shape, elements, { attributes: { mode: "constant" } }), value.type);
}

const concatenate = (values: readonly Value[], axis: number, shape: readonly number[]): Value =>
  values.length === 1 ? values[0]! : operation("Concat", values, shape, values[0]!.type, { attributes: { axis } });

const pack: Trace = (inputs, { axis }) => {
  const list = listOf(inputs);
  for (const { shape, dtype } of list) {
    util.assertShapesMatch(list[0]!.shape, shape, "All tensors passed to stack must have matching shapes");
    util.assert(dtype === list[0]!.dtype, () => "All tensors passed to stack must have matching dtypes");
  }
  const along = (axis as number) < 0 ? (axis as number) + list[0]!.shape.length + 1 : (axis as number);
  const single = [...list[0]!.shape.slice(0, along), 1, ...list[0]!.shape.slice(along)];
  const values = list.map(({ value }) => reshapeTo(value, single));
  return concatenate(values, along, single.with(along, list.length));
};

export const shapeKernels: KernelTable = {
  Transpose: ({ x }, { perm }) => transposeTo(x!.value, perm as number[]),
  Tile: ({ x }, { reps }) => {
    const shape = x!.shape.map((dimension, axis) => dimension * (reps as number[])[axis]!);
    return operation("Tile", [x!.value, integers(reps as number[])], shape, x!.value.type);
  },
  Slice: ({ x }, { begin, size }) => {
    const [from, sizes] = slice_util.parseSliceParams(
      { ...x!, rank: x!.shape.length } as never,
      begin as number[],
      size as number[],
    );
    slice_util.assertParamsValid({ ...x!, rank: x!.shape.length } as never, from!, sizes!);
    return slice(x!.value, from!, sizes!);
  },
  StridedSlice: ({ x }, attributes) => {
    const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes as Record<
      string,
      never
    >;
    const info = slice_util.sliceInfo(
      x!.shape,
      begin!,
      end!,
      strides!,
      beginMask!,
      endMask!,
      ellipsisMask!,
      newAxisMask!,
      shrinkAxisMask!,
    );
    if (info.strides.some((stride: number) => stride < 1)) return undefined;
    const size = slice_util.computeOutShape(info.begin, info.end, info.strides).map((length) => Math.max(length, 0)); // not −0
    return reshapeTo(slice(x!.value, info.begin, size, info.strides), info.finalShape);
  },
  Concat: (inputs, { axis }) => {
    const list = listOf(inputs);
    const [along] = util.parseAxisParam(axis as number, list[0]!.shape);
    const shapes = list.map((input) => input.shape);
    backend_util.assertParamsConsistent(shapes, along!);
    const shape = backend_util.computeOutShape(shapes, along!);
    if (sizeOf(shape) === 0) return uniformValue(0, shape, list[0]!.value.type);
    const filled = list.filter((input) => sizeOf(input.shape) > 0).map((input) => input.value);
    return concatenate(
      filled,
      along!,
      backend_util.computeOutShape(
        filled.map((value) => [...value.shape]),
        along!,
      ),
    );
  },
  Pack: pack,
  Unpack: ({ value }, { axis }) => {
    const along = (axis as number) < 0 ? (axis as number) + value!.shape.length : (axis as number);
    const count = value!.shape[along]!;
    const rest = value!.shape.filter((_, i) => i !== along);
    const size = value!.shape.with(along, 1);
    return Array.from({ length: count }, (_, i) =>
      reshapeTo(
        slice(
          value!.value,
          value!.shape.map((__, j) => (j === along ? i : 0)),
          size,
        ),
        rest,
      ),
    );
  },
  SplitV: ({ x }, { numOrSizeSplits, axis }) => {
    const [along] = util.parseAxisParam(axis as number, x!.shape);
    const sizes = backend_util.prepareSplitSize({ shape: x!.shape } as never, numOrSizeSplits as number, along!);
    const outputs = sizes.map((size) => ({ shape: x!.shape.with(along!, size), type: x!.value.type }));
    return operations("Split", [x!.value, integers(sizes)], outputs, { attributes: { axis: along! } });
  },
  PadV2: ({ x }, { paddings, constantValue }) => pad(x!.value, paddings as [number, number][], constantValue as number),
  MirrorPad: ({ x }, { paddings, mode }) => {
    const repeated = mode === "symmetric" ? 1 : 0; // whether the border itself is mirrored
    return (paddings as [number, number][]).reduce((value, [before, after], axis) => {
      const length = value.shape[axis]!;
      if (before === 0 && after === 0) return value;
      const places = Array.from({ length: before + length + after }, (_, i) => {
        const place = i - before;
        if (place < 0) return -place - repeated;
        return place < length ? place : 2 * (length - 1) - place + repeated;
      });
      return pick(value, axis, places);
    }, x!.value);
  },
  SpaceToBatchND: ({ x }, { blockShape, paddings }) => {
    const block = blockShape as number[];
    const pads = [[0, 0], ...(paddings as number[][])];
    while (pads.length < x!.shape.length) pads.push([0, 0]);
    const padded = pad(x!.value, pads as [number, number][], 0);
    const [shape, size] = [[...padded.shape], sizeOf(block)];
    const split = reshapeTo(padded, backend_util.getReshaped(shape, block, size, false));
    const moved = transposeTo(split, backend_util.getPermuted(split.shape.length, block.length, false));
    return reshapeTo(moved, backend_util.getReshapedPermuted(shape, block, size, false));
  },
  BatchToSpaceND: ({ x }, { blockShape, crops }) => {
    const block = blockShape as number[];
    const size = sizeOf(block);
    const split = reshapeTo(x!.value, backend_util.getReshaped(x!.shape, block, size));
    const moved = transposeTo(split, backend_util.getPermuted(split.shape.length, block.length));
    const shape = backend_util.getReshapedPermuted(x!.shape, block, size);
    const cut = crops as [number, number][];
    const begin = shape.map((_, axis) => cut[axis - 1]?.[0] ?? 0);
    const kept = shape.map((dimension, axis) => dimension - begin[axis]! - (cut[axis - 1]?.[1] ?? 0));
    return slice(reshapeTo(moved, shape), begin, kept);
  },
  DepthToSpace: ({ x }, { blockSize, dataFormat }) => {
    if (dataFormat !== "NHWC") return undefined;
    const block = blockSize as number;
    const [batch, height, width, depth] = x!.shape as [number, number, number, number];
    const rest = depth / (block * block);
    const split = reshapeTo(x!.value, [batch, height, width, block, block, rest]);
    return reshapeTo(transposeTo(split, [0, 1, 3, 2, 4, 5]), [batch, height * block, width * block, rest]);
  },
  Reverse: ({ x }, { dims }) => {
    const axes = util.parseAxisParam(dims as number[], x!.shape);
    if (axes.length === 0) return x!.value;
    const minusOnes = axes.map(() => -1);
    const ends = axes.map(() => -(2 ** 40));
    return operation(
      "Slice",
      [x!.value, integers(minusOnes), integers(ends), integers(axes), integers(minusOnes)],
      x!.shape,
      x!.value.type,
    );
  },
};
