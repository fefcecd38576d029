/** Comparisons, logic and selection. */
import type { Value } from "../graph.ts";
import { convertTo, operation, reshapeTo } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable, Trace } from "./table.ts";

/** A comparison. Order on booleans is that of 0 and 1. */
function compare(type: string, a: Value, b: Value): Value {
  const elements = a.type === "bool" && type !== "Equal" ? "int32" : a.type;
  return elementwise(type, [convertTo(a, elements), convertTo(b, elements)], "bool");
}

const comparison =
  (type: string): Trace =>
  ({ a, b }) =>
    a!.value.type === b!.value.type ? compare(type, a!.value, b!.value) : undefined;

const not = (value: Value): Value => elementwise("Not", [value], "bool");

/** A test of float32 numbers; integers are all finite. */
const test =
  (ask: (value: Value) => Value): Trace =>
  ({ x }) =>
    x!.value.type === "float32" ? ask(x!.value) : undefined;

const isNan = (value: Value): Value => elementwise("IsNaN", [value], "bool");
const isInfinite = (value: Value): Value => elementwise("IsInf", [value], "bool");

const logical =
  (type: string): Trace =>
  ({ a, b }) =>
    a!.value.type === "bool" && b!.value.type === "bool" ? elementwise(type, [a!.value, b!.value], "bool") : undefined;

export const compareKernels: KernelTable = {
  Equal: comparison("Equal"),
  NotEqual: ({ a, b }) => (a!.value.type === b!.value.type ? not(compare("Equal", a!.value, b!.value)) : undefined),
  Greater: comparison("Greater"),
  GreaterEqual: comparison("GreaterOrEqual"),
  Less: comparison("Less"),
  LessEqual: comparison("LessOrEqual"),
  LogicalAnd: logical("And"),
  LogicalOr: logical("Or"),
  LogicalNot: ({ x }) => (x!.value.type === "bool" ? not(x!.value) : undefined),
  IsNan: test(isNan),
  IsInf: test(isInfinite),
  IsFinite: test((value) => not(elementwise("Or", [isNan(value), isInfinite(value)], "bool"))),
  Select: ({ condition, t, e }) => {
    const elements = t!.value.type;
    if (condition!.value.type !== "bool" || elements !== e!.value.type) return undefined;
    // A list of conditions chooses whole rows.
    const rank = t!.shape.length;
    const chooses =
      condition!.shape.length === 1 && rank > 1
        ? reshapeTo(condition!.value, [condition!.shape[0]!, ...t!.shape.slice(1).fill(1)])
        : condition!.value;
    const through = elements === "bool" ? "int32" : elements; // Where has no boolean version on the CPU
    const branches = [t!.value, e!.value].map((value) => convertTo(value, through));
    return convertTo(operation("Where", [chooses, ...branches], t!.shape, through), elements);
  },
};
