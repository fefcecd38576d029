/** Reductions. */
import { util } from "@tensorflow/tfjs-core";
import { constant, sizeOf, type Value } from "../graph.ts";
import { castTo, operation, reduce } from "../tracer.ts";
import type { Input, KernelTable, Trace } from "./table.ts";

const axesOf = (x: Input, axis: unknown): number[] => util.parseAxisParam(axis as number | number[], x.shape);

/** A reduction in `through`, or in the tensor's own type. `Max` calls its axes `reductionIndices`. */
const reduction =
  (type: string, through?: Value["type"]): Trace =>
  ({ x }, { axis, reductionIndices, keepDims }) => {
    if (sizeOf(x!.shape) === 0) return undefined;
    const value =
      through !== undefined
        ? castTo(x!.value, through)
        : x!.value.type === "bool"
          ? castTo(x!.value, "int32")
          : x!.value;
    return reduce(type, value, axesOf(x!, axis ?? reductionIndices), keepDims === true);
  };

/** Whether all or any are true: the smallest or largest of 0 and 1. */
const quantifier =
  (type: string): Trace =>
  ({ x }, { axis, keepDims }) => {
    if (sizeOf(x!.shape) === 0) return undefined;
    return castTo(reduce(type, castTo(x!.value, "int32"), axesOf(x!, axis), keepDims === true), "bool");
  };

/** The place of the first extreme element along one axis, int32. */
const place =
  (type: string): Trace =>
  ({ x }, { axis }) => {
    if (sizeOf(x!.shape) === 0) return undefined;
    const [along] = axesOf(x!, axis);
    const shape = x!.shape.filter((_, i) => i !== along);
    return castTo(
      operation(type, [castTo(x!.value, "float32")], shape, "int64", { attributes: { axis: along!, keepdims: 0 } }),
      "int32",
    );
  };

export const reduceKernels: KernelTable = {
  Sum: reduction("ReduceSum"),
  Mean: reduction("ReduceMean", "float32"),
  Max: reduction("ReduceMax"),
  Min: reduction("ReduceMin"),
  Prod: reduction("ReduceProd"),
  All: quantifier("ReduceMin"),
  Any: quantifier("ReduceMax"),
  ArgMax: place("ArgMax"),
  ArgMin: place("ArgMin"),
  Cumsum: ({ x }, { axis, exclusive, reverse }) => {
    if (sizeOf(x!.shape) === 0) return undefined;
    const value = x!.value.type === "bool" ? castTo(x!.value, "int32") : x!.value;
    const attributes = { exclusive: exclusive === true ? 1 : 0, reverse: reverse === true ? 1 : 0 };
    return operation("CumSum", [value, constant(axis as number, "int64")], x!.shape, value.type, { attributes });
  },
};
