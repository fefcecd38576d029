/** Binary arithmetic and sums of many tensors. */
import { constant, integers, sameShape, type Value } from "../graph.ts";
import { castTo, convertTo, operation } from "../tracer.ts";
import { broadcast, elementwise } from "./elementwise.ts";
import { type KernelTable, listOf, type Trace } from "./table.ts";

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
    if (left.type === "bool" || left.type !== right.type || (float && left.type !== "float32")) return undefined;
    return elementwise(type, [left, right], left.type);
  };

/** The quotient rounded down, int32 for any operands; that by zero is 0. */
const floorDivide: Trace = ({ a, b }) => {
  const quotient = elementwise("Div", [convertTo(a!.value, "float64"), convertTo(b!.value, "float64")], "float64");
  return castTo(operation("Floor", [quotient], quotient.shape, "float64"), "int32");
};

/** The remainder with the sign of the divisor. */
const remainder: Trace = ({ a, b }) => {
  const [dividend, divisor] = [a!.value, b!.value];
  if (dividend.type !== divisor.type || dividend.type === "bool") return undefined;
  if (dividend.type === "int32") {
    // By 0 the processor fails, by -1 it may; tfjs gives 0 for both, as for 1.
    const fails = elementwise(
      "Or",
      [0, -1].map((element) => elementwise("Equal", [divisor, constant(element, "int32")], "bool")),
      "bool",
    );
    const safe = operation("Where", [fails, constant(1, "int32"), divisor], divisor.shape, "int32");
    return elementwise("Mod", [dividend, safe], "int32");
  }
  const fmod = (x: Value, y: Value): Value => elementwise("Mod", [x, y], "float64", { attributes: { fmod: 1 } });
  const isNegative = (x: Value): Value => operation("Less", [x, constant(0, "float64")], x.shape, "bool");
  const [x, y] = [convertTo(dividend, "float64"), convertTo(divisor, "float64")];
  const rest = fmod(x, y);
  const moved = fmod(elementwise("Add", [rest, y], "float64"), y);
  const differ = elementwise("Xor", [isNegative(x), isNegative(y)], "bool");
  return convertTo(operation("Where", [differ, moved, rest], rest.shape, "float64"), "float32"); // this way it keeps −0
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
  BitwiseAnd: ({ a, b }) =>
    a!.value.type === "int32" && b!.value.type === "int32"
      ? elementwise("BitwiseAnd", [a!.value, b!.value], "int32")
      : undefined,
  RealDiv: binary("Div", { float: true }),
  FloorDiv: floorDivide,
  Mod: remainder,
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Pow: binary("Pow", { float: true }),
  SquaredDifference: ({ a, b }) => {
    if (a!.value.type === "bool" || a!.value.type !== b!.value.type) return undefined;
    const difference = elementwise("Sub", [a!.value, b!.value], a!.value.type);
    return elementwise("Mul", [difference, difference], a!.value.type);
  },
  AddN: (inputs) => {
    const values = listOf(inputs).map(({ value }) => value);
    if (values.some(({ type }) => type === "bool" || type !== values[0]!.type)) return undefined;
    return values.slice(1).reduce((sum, value) => elementwise("Add", [sum, value], value.type), values[0]!);
  },
};
