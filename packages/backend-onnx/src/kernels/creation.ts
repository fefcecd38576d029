/** Tensors of equal elements. They are never stored: graphs make them, and products and sums with them vanish. */
import type { DataType } from "@tensorflow/tfjs-core";
import { uniformValue } from "../graph.ts";
import { elementType } from "../tracer.ts";
import type { KernelTable } from "./table.ts";

export const creationKernels: KernelTable = {
  Fill: (_, { shape, value, dtype }) => {
    if (typeof value === "string") return undefined;
    return uniformValue(value as number, shape as number[], elementType((dtype ?? "float32") as DataType));
  },
  ZerosLike: ({ x }) => uniformValue(0, x!.shape, x!.value.type),
  OnesLike: ({ x }) => uniformValue(1, x!.shape, x!.value.type),
};
