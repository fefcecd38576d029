import { type RandomNumbersAttributes, randomNumbers } from "@cambium/kernels";
import { sizeOf } from "../graph.ts";
import { hostOperation } from "../tracer.ts";
import type { KernelTable } from "./table.ts";

/** Numbers are made on the host: a function of the key, so that a replay draws them again. */
export const randomNumberKernels: KernelTable = {
  RandomNumbers: ({ key }, attributes) => {
    const { shape, distribution } = attributes as unknown as RandomNumbersAttributes;
    const described = `${shape} ${Object.values(distribution).join(" ")}`;
    return hostOperation("RandomNumbers", [key!.value], { shape, type: "float32" }, described, ([halves]) =>
      randomNumbers([Number(halves![0]) >>> 0, Number(halves![1]) >>> 0], sizeOf(shape), distribution),
    );
  },
};
