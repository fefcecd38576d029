/** Kernels that pick or collect elements by index. What the host knows of the indices is checked when the kernel is called. */
import { backend_util, type DataType, gather_util, scatter_util, util } from "@tensorflow/tfjs-core";
import {
  constant,
  type HostArray,
  hostArrayOf,
  hostValue,
  integers,
  sizeOf,
  uniformValue,
  type Value,
} from "../graph.ts";
import { convertTo, elementType, operation, operations, reduce, reshapeTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { Input, KernelTable } from "./table.ts";

/** Throws when an index that the host knows lies outside 0 … `count` − 1. */
export function checkIndices(caller: string, indices: Value, count: number): void {
  const known = hostArrayOf(indices);
  if (known === undefined) return;
  for (let i = 0; i < known.length; i++) {
    const index = Number(known[i]);
    util.assert(index >= 0 && index < count, () => `${caller}: the index value ${index} is not in [0, ${count - 1}]`);
  }
}

/** A tensor as tfjs-core's helpers ask for it. */
const described = ({ shape, dtype }: Input): never => ({ shape, dtype, rank: shape.length }) as never;

/** Whether the host knows that all ids lie in 0 … `count` − 1. */
function areKnownWithin(ids: Value, count: number): boolean {
  return (hostArrayOf(ids) as Int32Array | undefined)?.every((id) => id >= 0 && id < count) === true;
}

/**
 * Sums of the rows that share an id, `[count, width]` from rows `[rows, width]` and ids `[rows]`; ids outside of
 * 0 … `count` − 1 are dropped. `ScatterND` would add the rows in the order in which threads come by, so that sums differ
 * in their last bits from run to run; `ScatterElements` adds them one after another. (A product with a matrix of zeros and ones
 * would be faster into few rows, but zero times NaN is NaN.)
 */
function sumSegments(rows: Value, ids: Value, count: number): Value {
  const { type } = rows;
  const [rowCount, width] = rows.shape as [number, number];
  if (rowCount === 0) return uniformValue(0, [count, width], type);
  let [kept, places] = [rows, reshapeTo(ids, [rowCount, 1])];
  if (!areKnownWithin(ids, count)) {
    const inside = elementwise(
      "And",
      [
        operation("GreaterOrEqual", [places, constant(0, "int32")], places.shape, "bool"),
        operation("Less", [places, constant(count, "int32")], places.shape, "bool"),
      ],
      "bool",
    );
    kept = operation("Where", [inside, kept, constant(0, type)], kept.shape, type);
    places = operation("Where", [inside, places, constant(0, "int32")], places.shape, "int32");
  }
  const everywhere = elementwise("Add", [places, uniformValue(0, rows.shape, "int32")], "int32");
  return operation("ScatterElements", [uniformValue(0, [count, width], type), everywhere, kept], [count, width], type, {
    attributes: { axis: 0, reduction: "add" },
  });
}

/** Positions of index tuples among the slices they point at, `[tuples]`; checked where the host knows them. */
function flattenIndices(
  { value, shape }: Input,
  depth: number,
  strides: readonly number[],
  limits: readonly number[],
): Value {
  const count = sizeOf(shape) / depth;
  const known = hostArrayOf(value) as Int32Array | undefined;
  if (known === undefined) {
    const tuples = convertTo(reshapeTo(value, [count, depth]), "int32");
    const steps = hostValue(Int32Array.from(strides), [depth], "int32", { role: "structure" });
    return reduce("ReduceSum", elementwise("Mul", [tuples, steps], "int32"), [1], false);
  }
  const slices = sizeOf(limits.slice(0, depth));
  const flat = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const tuple = known.subarray(i * depth, (i + 1) * depth);
    flat[i] = tuple.reduce((sum, index, axis) => sum + index * strides[axis]!, 0);
    util.assert(flat[i]! >= 0 && flat[i]! < slices, () => `Invalid indices: ${tuple} does not index into ${limits}`);
  }
  return hostValue(flat, [count], "int32");
}

/** Updates as rows `[updates, sliceSize]`, their places among `slices` slices. */
function scatterParts(updates: Input, indices: Input, shape: number[]) {
  const { sliceRank, sliceSize, numUpdates, strides, outputSize } = scatter_util.calculateShapes(
    described(updates),
    described(indices),
    shape,
  );
  return {
    rows: reshapeTo(updates.value, [numUpdates, sliceSize]),
    places: flattenIndices(indices, sliceRank, strides, shape),
    slices: outputSize / sliceSize,
    sliceSize,
  };
}

export const indexingKernels: KernelTable = {
  GatherV2: ({ x, indices }, { axis, batchDims }) => {
    const { value } = x!;
    const along = util.parseAxisParam(axis as number, x!.shape)[0]!;
    const batch = (batchDims ?? 0) as number;
    checkIndices("GatherV2", indices!.value, x!.shape[along]!);
    if (batch === 0) {
      const shape = x!.shape.toSpliced(along, 1, ...indices!.shape);
      return operation("Gather", [value, convertTo(indices!.value, "int32")], shape, value.type, {
        attributes: { axis: along },
      });
    }
    if (batch !== along) return undefined;
    const { outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
      described(x!),
      described(indices!),
      along,
      batch,
    );
    const tuples = reshapeTo(convertTo(indices!.value, "int64"), [...indices!.shape, 1]);
    return operation("GatherND", [value, tuples], outputShape, value.type, { attributes: { batch_dims: batch } });
  },
  GatherNd: ({ params, indices }) => {
    const [shape, , , strides] = gather_util.prepareAndValidate(described(params!), described(indices!));
    const depth = indices!.shape.at(-1)!;
    if (depth === 0) return undefined;
    if (hostArrayOf(indices!.value) !== undefined) flattenIndices(indices!, depth, strides, params!.shape);
    const { value } = params!;
    return operation("GatherND", [value, convertTo(indices!.value, "int64")], shape, value.type);
  },
  ScatterNd: ({ updates, indices }, attributes) => {
    const shape = attributes["shape"] as number[];
    if (updates!.value.type === "bool" || sizeOf(shape) === 0) return undefined;
    const { rows, places, slices } = scatterParts(updates!, indices!, shape);
    return reshapeTo(sumSegments(rows, places, slices), shape);
  },
  TensorScatterUpdate: ({ tensor, updates, indices }) => {
    const { shape, value } = tensor!;
    if (value.type === "bool" || updates!.shape.length === 0 || sizeOf(shape) === 0) return undefined;
    const { rows, places, slices, sliceSize } = scatterParts(updates!, indices!, shape);
    const everywhere = elementwise(
      "Add",
      [reshapeTo(places, [rows.shape[0]!, 1]), uniformValue(0, rows.shape, "int32")],
      "int32",
    );
    // One after another: of updates of one place the last one counts.
    const updated = operation(
      "ScatterElements",
      [reshapeTo(value, [slices, sliceSize]), everywhere, rows],
      [slices, sliceSize],
      value.type,
      { attributes: { axis: 0 } },
    );
    return reshapeTo(updated, shape);
  },
  OneHot: ({ indices }, { depth, onValue, offValue, dtype }) => {
    const classes = depth as number;
    const list = [sizeOf(indices!.shape)];
    const values = hostValue(Float32Array.of(offValue as number, onValue as number), [2], "float32");
    // Indices outside the depth give rows of off-values in tfjs; ONNX counts negative ones from the end, so they are moved out.
    const index = reshapeTo(convertTo(indices!.value, "float32"), list);
    const safe = operation(
      "Where",
      [operation("Less", [index, constant(0)], list, "bool"), constant(classes), index],
      list,
      "float32",
    );
    const hot = operation(
      "OneHot",
      [safe, { ...constant(classes), role: "structure" }, values],
      [...list, classes],
      "float32",
      {
        attributes: { axis: -1 },
      },
    );
    return reshapeTo(convertTo(hot, elementType((dtype ?? "float32") as DataType)), [...indices!.shape, classes]);
  },
  UnsortedSegmentSum: ({ x, segmentIds }, { numSegments }) => {
    const { value, shape } = x!;
    if (value.type !== "float32" || segmentIds!.shape.length !== 1) return undefined;
    const rest = shape.slice(1);
    const count = numSegments as number;
    const rows = reshapeTo(value, [shape[0]!, sizeOf(rest)]);
    return reshapeTo(sumSegments(rows, convertTo(segmentIds!.value, "int32"), count), [count, ...rest]);
  },
  TopK: ({ x }, { k }) => {
    const { value, shape } = x!;
    if (value.type === "bool" || k === 0 || shape.length === 0 || shape.includes(0)) return undefined;
    const found = shape.with(-1, k as number);
    const [values, places] = operations(
      "TopK",
      [value, integers([k as number])],
      [
        { shape: found, type: value.type },
        { shape: found, type: "int64" },
      ],
      { attributes: { axis: -1, largest: 1, sorted: 1 } },
    ) as [Value, Value];
    return [values, convertTo(places, "int32")];
  },
};

/** Elements of one axis by known places, which may vary from step to step. */
export function pick(value: Value, axis: number, places: readonly number[]): Value {
  const indices: HostArray = Int32Array.from(places);
  const list = hostValue(indices, [places.length], "int32", { role: "number" });
  return operation("Gather", [value, list], value.shape.with(axis, places.length), value.type, {
    attributes: { axis },
  });
}
