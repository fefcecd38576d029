/** Tensors made of plain numbers. Those of equal elements are never stored: graphs make them, and products with them vanish. */
import { shared } from "@tensorflow/tfjs-backend-cpu";
import type { DataType } from "@tensorflow/tfjs-core";
import { type HostArray, hostValue, uniformValue } from "../graph.ts";
import { elementType } from "../tracer.ts";
import type { KernelTable } from "./table.ts";

export const creationKernels: KernelTable = {
  Fill: (_, { shape, value, dtype }) => {
    if (typeof value === "string" || dtype === "string") return undefined;
    const elements = elementType((dtype ?? "float32") as DataType);
    const element = value as number;
    return uniformValue(elements === "float32" ? element : element | 0, shape as number[], elements);
  },
  ZerosLike: ({ x }) => uniformValue(0, x!.shape, x!.value.type),
  OnesLike: ({ x }) => uniformValue(1, x!.shape, x!.value.type),
  Range: (_, attributes) => {
    const { start, stop, step } = attributes as Record<string, number>;
    const dtype = ((attributes["dtype"] as DataType | undefined) ?? "float32") as "float32" | "int32";
    const data = shared.rangeImpl(start!, stop!, step!, dtype) as HostArray;
    return hostValue(data, [data.length], dtype);
  },
  LinSpace: (_, attributes) => {
    const { start, stop, num } = attributes as Record<string, number>;
    return hostValue(shared.linSpaceImpl(start!, stop!, num!) as HostArray, [num!], "float32");
  },
};
