/** Binary arithmetic and sums of many tensors. */
import { integers, sameShape, sizeOf, type Value } from "../graph.ts";
import { operation } from "../tracer.ts";
import { broadcast, elementwise } from "./elementwise.ts";
import type { KernelTable, Trace } from "./table.ts";

/** The element every place of a value holds, where that is part of the program. */
export function knownElement(value: Value): number | undefined {
  if (value.uniform !== undefined) return value.uniform;
  return value.literal && sizeOf(value.shape) === 1 ? Number(value.data![0]) : undefined;
}

/** `value` in the shape that an operator with `other` would have given. */
function broadcastWith(value: Value, other: Value): Value {
  const shape = broadcast(value.shape, other.shape);
  if (sameShape(shape, value.shape)) return value;
  return operation("Expand", [value, integers(shape)], shape, value.type);
}

/** An operator on two tensors of one type; `float` restricts it to float32. Sums of booleans are tfjs's own business. */
const binary =
  (type: string, { float = false }: { float?: boolean } = {}): Trace =>
  ({ a, b }) => {
    const [left, right] = [a!.value, b!.value];
    if (left.type === "bool" || (float && left.type !== "float32")) return undefined;
    return elementwise(type, [left, right], left.type);
  };

/** A product; factors of one that are part of the program vanish. */
const multiply: Trace = (inputs, attributes) => {
  const [a, b] = [inputs["a"]!.value, inputs["b"]!.value];
  if (a.uniform === 1 && a.type === b.type) return broadcastWith(b, a);
  if (b.uniform === 1 && a.type === b.type) return broadcastWith(a, b);
  return binary("Mul")(inputs, attributes);
};

/** A sum; terms of zero that are part of the program vanish. */
const add: Trace = (inputs, attributes) => {
  const [a, b] = [inputs["a"]!.value, inputs["b"]!.value];
  if (a.uniform === 0 && a.type === b.type) return broadcastWith(b, a);
  if (b.uniform === 0 && a.type === b.type) return broadcastWith(a, b);
  return binary("Add")(inputs, attributes);
};

export const arithmeticKernels: KernelTable = {
  Add: add,
  Sub: binary("Sub"),
  Multiply: multiply,
  RealDiv: binary("Div", { float: true }),
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Pow: binary("Pow", { float: true }),
  SquaredDifference: ({ a, b }) => {
    if (a!.value.type === "bool") return undefined;
    const difference = elementwise("Sub", [a!.value, b!.value], a!.value.type);
    return elementwise("Mul", [difference, difference], a!.value.type);
  },
  AddN: (inputs) => {
    const values = Object.keys(inputs)
      .sort((x, y) => Number(x) - Number(y))
      .map((key) => inputs[key]!.value);
    return values.slice(1).reduce((sum, value) => elementwise("Add", [sum, value], value.type), values[0]!);
  },
};
