/** Comparisons, logic and selection. */
import type { Value } from "../graph.ts";
import { castTo, operation } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable, Trace } from "./table.ts";

/** A comparison. Order on booleans is that of 0 and 1. */
function compare(type: string, a: Value, b: Value): Value {
  const elements = a.type === "bool" && type !== "Equal" ? "int32" : a.type;
  return elementwise(type, [castTo(a, elements), castTo(b, elements)], "bool");
}

const comparison =
  (type: string): Trace =>
  ({ a, b }) =>
    compare(type, a!.value, b!.value);

const logical =
  (type: string): Trace =>
  ({ a, b }) =>
    elementwise(type, [a!.value, b!.value], "bool");

export const compareKernels: KernelTable = {
  Equal: comparison("Equal"),
  NotEqual: ({ a, b }) => elementwise("Not", [compare("Equal", a!.value, b!.value)], "bool"),
  Greater: comparison("Greater"),
  GreaterEqual: comparison("GreaterOrEqual"),
  Less: comparison("Less"),
  LessEqual: comparison("LessOrEqual"),
  LogicalAnd: logical("And"),
  LogicalOr: logical("Or"),
  LogicalNot: ({ x }) => elementwise("Not", [x!.value], "bool"),
  IsNan: ({ x }) => (x!.value.type === "float32" ? elementwise("IsNaN", [x!.value], "bool") : undefined),
  IsInf: ({ x }) => (x!.value.type === "float32" ? elementwise("IsInf", [x!.value], "bool") : undefined),
  Select: ({ condition, t, e }) => {
    const elements = t!.value.type;
    const through = elements === "bool" ? "int32" : elements; // Where has no boolean version on the CPU
    const chosen = operation(
      "Where",
      [condition!.value, castTo(t!.value, through), castTo(e!.value, through)],
      t!.shape,
      through,
    );
    return castTo(chosen, elements);
  },
};
