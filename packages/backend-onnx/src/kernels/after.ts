/** Order within a graph: values that must not exist before others do. */
import { constant, sizeOf, type Value } from "../graph.ts";
import { operation, reshapeTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable } from "./table.ts";

/**
 * `x`, once `value` exists. ONNX has no operator for that, so floats are multiplied by a one that is a choice between 1
 * and 1, made by an element of `value`; of integers the choice is between `x` and `x`. That copies `x`; a reshape to a
 * computed shape would not, but the runtime takes those out of a graph.
 */
function after(x: Value, value: Value): Value {
  const element = operation("Gather", [reshapeTo(value, [sizeOf(value.shape)]), constant(0, "int64")], [], value.type);
  const either = operation("IsNaN", [element], [], "bool");
  if (x.type !== "float32") return operation("Where", [either, x, x], x.shape, x.type);
  const one = operation("Where", [either, constant(1), constant(1)], [], "float32");
  return elementwise("Mul", [x, one], "float32");
}

export const afterKernels: KernelTable = {
  After: ({ x, after: value }) => {
    const isThere = value!.value.data !== undefined || value!.value.uniform !== undefined || sizeOf(value!.shape) === 0;
    const isCovered = value!.value.type === "float32" && x!.value.type !== "bool";
    return isThere || !isCovered ? x!.value : after(x!.value, value!.value);
  },
};
