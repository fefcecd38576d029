/** Kernels that move elements without changing them. */
import { backend_util, slice_util, util } from "@tensorflow/tfjs-core";
import { constant, integers, sizeOf, type Value } from "../graph.ts";
import { castTo, operation, operations, reshapeTo, transposeTo } from "../tracer.ts";
import type { Input, KernelTable, Trace } from "./table.ts";

/** Inputs that are a list, in order. */
export function listOf(inputs: Readonly<Record<string, Input>>): Input[] {
  return Object.keys(inputs)
    .sort((x, y) => Number(x) - Number(y))
    .map((key) => inputs[key]!);
}

/** Half-open ranges along every axis. */
function slice(value: Value, begin: readonly number[], size: readonly number[]): Value {
  if (begin.every((from, axis) => from === 0 && size[axis] === value.shape[axis])) return value;
  const axes = begin.flatMap((from, axis) => (from === 0 && size[axis] === value.shape[axis] ? [] : [axis]));
  const [starts, ends] = [axes.map((axis) => begin[axis]!), axes.map((axis) => begin[axis]! + size[axis]!)];
  return operation("Slice", [value, integers(starts), integers(ends), integers(axes)], size, value.type);
}

const concatenate = (values: readonly Value[], axis: number, shape: readonly number[]): Value =>
  values.length === 1 ? values[0]! : operation("Concat", values, shape, values[0]!.type, { attributes: { axis } });

const pack: Trace = (inputs, { axis }) => {
  const list = listOf(inputs);
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
    if (!info.isSimpleSlice && !info.isIdentity && !info.sliceDim0) return undefined;
    if (info.isIdentity) return reshapeTo(x!.value, info.finalShape);
    const size = slice_util.computeOutShape(info.begin, info.end, info.strides);
    return reshapeTo(slice(x!.value, info.begin, size), info.finalShape);
  },
  Concat: (inputs, { axis }) => {
    const list = listOf(inputs);
    const [along] = util.parseAxisParam(axis as number, list[0]!.shape);
    const shapes = list.map((input) => input.shape);
    backend_util.assertParamsConsistent(shapes, along!);
    const filled = list.filter((input) => sizeOf(input.shape) > 0);
    if (filled.length === 0) return list[0]!.value;
    return concatenate(
      filled.map((input) => input.value),
      along!,
      backend_util.computeOutShape(shapes, along!),
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
  PadV2: ({ x }, { paddings, constantValue }) => {
    const pads = paddings as [number, number][];
    const shape = x!.shape.map((dimension, axis) => dimension + pads[axis]![0] + pads[axis]![1]);
    if (sizeOf(x!.shape) === 0) return undefined;
    const elements = x!.value.type === "bool" ? "int32" : x!.value.type;
    const inputs = [
      castTo(x!.value, elements),
      integers([...pads.map((pair) => pair[0]), ...pads.map((pair) => pair[1])]),
      constant(constantValue as number, elements),
    ];
    return castTo(operation("Pad", inputs, shape, elements, { attributes: { mode: "constant" } }), x!.value.type);
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
