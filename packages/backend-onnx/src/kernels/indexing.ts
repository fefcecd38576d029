/** Kernels that pick or collect elements by index. What the host knows of the indices is checked when the kernel is called. */
import { type DataType, util } from "@tensorflow/tfjs-core";
import { constant, hostArrayOf, hostValue, sizeOf, uniformValue, type Value } from "../graph.ts";
import { castTo, elementType, operation, reshapeTo } from "../tracer.ts";
import type { KernelTable } from "./table.ts";

/** Throws when an index that the host knows lies outside 0 … `count` − 1. */
function checkIndices(caller: string, indices: Value, count: number): void {
  const known = hostArrayOf(indices);
  if (known === undefined) return;
  for (let i = 0; i < known.length; i++) {
    const index = Number(known[i]);
    util.assert(index >= 0 && index < count, () => `${caller}: the index value ${index} is not in [0, ${count - 1}]`);
  }
}

export const indexingKernels: KernelTable = {
  GatherV2: ({ x, indices }, { axis, batchDims }) => {
    if (batchDims !== undefined && batchDims !== 0) return undefined;
    const [along] = util.parseAxisParam(axis as number, x!.shape);
    checkIndices("GatherV2", indices!.value, x!.shape[along!]!);
    const shape = [...x!.shape.slice(0, along!), ...indices!.shape, ...x!.shape.slice(along! + 1)];
    return operation("Gather", [x!.value, castTo(indices!.value, "int32")], shape, x!.value.type, {
      attributes: { axis: along! },
    });
  },
  OneHot: ({ indices }, { depth, onValue, offValue, dtype }) => {
    const shape = [...indices!.shape, depth as number];
    const values = hostValue(Float32Array.of(offValue as number, onValue as number), [2], "float32");
    // Indices outside the depth give rows of off-values in tfjs; ONNX counts negative ones from the end, so they are moved out.
    const index = castTo(indices!.value, "float32");
    const safe = operation(
      "Where",
      [operation("Less", [index, constant(0)], index.shape, "bool"), constant(depth as number), index],
      index.shape,
      "float32",
    );
    const hot = operation(
      "OneHot",
      [safe, constant(depth as number), { ...values, literal: false }],
      shape,
      "float32",
      { attributes: { axis: -1 } },
    );
    return castTo(hot, elementType((dtype ?? "float32") as DataType));
  },
  UnsortedSegmentSum: ({ x, segmentIds }, { numSegments }) => {
    const ids = hostArrayOf(segmentIds!.value);
    if (x!.value.type !== "float32" || ids === undefined || segmentIds!.shape.length !== 1) return undefined;
    for (const id of ids) if (Number(id) < 0 || Number(id) >= (numSegments as number)) return undefined;
    const shape = [numSegments as number, ...x!.shape.slice(1)];
    const places = castTo(reshapeTo(segmentIds!.value, [sizeOf(segmentIds!.shape), 1]), "int64");
    return operation("ScatterND", [uniformValue(0, shape, "float32"), places, x!.value], shape, "float32", {
      attributes: { reduction: "add" },
    });
  },
};
