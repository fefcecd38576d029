/** Functions of one tensor, element by element. */
import type { DataType } from "@tensorflow/tfjs-core";
import { constant, type Value } from "../graph.ts";
import { castTo, elementType } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable, Trace } from "./table.ts";

/** A function that ONNX defines on float32; other types are converted, as tfjs-core does before most of them. */
const float =
  (type: string): Trace =>
  ({ x }) =>
    elementwise(type, [castTo(x!.value, "float32")], "float32");

/** A function that keeps its type, defined on float32 and int32. */
const keeping =
  (type: string): Trace =>
  ({ x }) =>
    x!.value.type === "bool" ? undefined : elementwise(type, [x!.value], x!.value.type);

/** A function that leaves integers as they are. */
const rounding =
  (type: string): Trace =>
  ({ x }) =>
    x!.value.type === "float32" ? elementwise(type, [x!.value], "float32") : x!.value;

const square = (value: Value): Value => elementwise("Mul", [value, value], value.type);

export const unaryKernels: KernelTable = {
  Abs: keeping("Abs"),
  Neg: keeping("Neg"),
  Sign: keeping("Sign"),
  Floor: rounding("Floor"),
  Ceil: rounding("Ceil"),
  Round: rounding("Round"),
  Exp: float("Exp"),
  Log: float("Log"),
  Sqrt: float("Sqrt"),
  Reciprocal: float("Reciprocal"),
  Tanh: float("Tanh"),
  Sigmoid: float("Sigmoid"),
  Erf: float("Erf"),
  Sin: float("Sin"),
  Cos: float("Cos"),
  Tan: float("Tan"),
  Asin: float("Asin"),
  Acos: float("Acos"),
  Atan: float("Atan"),
  Sinh: float("Sinh"),
  Cosh: float("Cosh"),
  Asinh: float("Asinh"),
  Acosh: float("Acosh"),
  Atanh: float("Atanh"),
  Softplus: float("Softplus"),
  Rsqrt: ({ x }) =>
    elementwise("Reciprocal", [elementwise("Sqrt", [castTo(x!.value, "float32")], "float32")], "float32"),
  Square: ({ x }) => (x!.value.type === "bool" ? undefined : square(x!.value)),
  Relu: ({ x }) =>
    x!.value.type === "float32"
      ? elementwise("Relu", [x!.value], "float32")
      : elementwise("Max", [castTo(x!.value, "int32"), constant(0, "int32")], "int32"),
  Step: ({ x }, { alpha }) => {
    if (alpha !== undefined && alpha !== 0) return undefined;
    return castTo(elementwise("Greater", [castTo(x!.value, "float32"), constant(0)], "bool"), x!.value.type);
  },
  ClipByValue: ({ x }, { clipValueMin, clipValueMax }) => {
    const { value } = x!;
    if (value.type !== "float32") return undefined;
    return elementwise(
      "Min",
      [elementwise("Max", [value, constant(clipValueMin as number)], "float32"), constant(clipValueMax as number)],
      "float32",
    );
  },
  Cast: ({ x }, { dtype }) => {
    if (dtype === "complex64" || dtype === "string") return undefined;
    const to = elementType(dtype as DataType);
    // tfjs-core rounds towards zero, as ONNX does; NaN becomes 0 there and anything here.
    return castTo(x!.value, to);
  },
};
