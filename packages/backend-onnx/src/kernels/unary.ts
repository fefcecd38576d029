/** Functions of one tensor, element by element. NaN stays NaN, except where tfjs says otherwise. */
import type { DataType } from "@tensorflow/tfjs-core";
import { constant, type Value } from "../graph.ts";
import { castTo, convertTo, elementType, operation } from "../tracer.ts";
import { elementwise } from "./elementwise.ts";
import type { KernelTable, Trace } from "./table.ts";

/** A function of float32. Of integers tfjs takes most functions in integers: that is left to its own kernels. */
const float =
  (type: string): Trace =>
  ({ x }) =>
    x!.value.type === "float32" ? elementwise(type, [x!.value], "float32") : undefined;

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

const add = (a: Value, b: number): Value => elementwise("Add", [a, constant(b)], "float32");
const multiply = (a: Value, b: number): Value => elementwise("Mul", [a, constant(b)], "float32");
const divide = (a: Value, b: Value): Value => elementwise("Div", [a, b], "float32");
const unary = (type: string, value: Value): Value => elementwise(type, [value], value.type);

/** `inner` where |x| is below one half, `outer` elsewhere. The second branch of `Where` keeps −0, the first does not. */
function near(x: Value, inner: Value, outer: Value): Value {
  const isFar = operation("GreaterOrEqual", [unary("Abs", x), constant(0.5)], x.shape, "bool");
  return operation("Where", [isFar, outer, inner], x.shape, "float32");
}

/** The logistic function, `1 / (1 + e⁻ˣ)`. The operator of that name has few digits below −14, and is 0 from −18 on. */
export function sigmoid(x: Value): Value {
  return unary("Reciprocal", add(unary("Exp", unary("Neg", x)), 1));
}

/** The hyperbolic tangent. The operator goes beyond 1 by a bit, where a slope of 1 − tanh² would be negative. */
const tanh = (x: Value): Value => clip(unary("Tanh", x), -1, 1);

/** eˣ − 1 for x below one half, `2t / (1 − t)` with t = tanh(x/2), which keeps the digits of small x. */
export function lowExpm1(x: Value): Value {
  const t = tanh(multiply(x, 0.5));
  return divide(multiply(t, 2), add(unary("Neg", t), 1));
}

/** Limits of a type, for constants that stand for no limit. */
const withinInt32 = (limit: number): number => Math.min(Math.max(limit, -(2 ** 31)), 2 ** 31 - 1);

/** Elements held between two limits. */
export function clip(value: Value, low: number, high: number): Value {
  const { type } = value;
  const limits = type === "int32" ? [low, high].map(withinInt32) : [low, high];
  return elementwise("Clip", [value, ...limits.map((limit) => constant(limit, type))], type);
}

export const unaryKernels: KernelTable = {
  Abs: keeping("Abs"),
  Neg: keeping("Neg"),
  Floor: rounding("Floor"),
  Ceil: rounding("Ceil"),
  Round: rounding("Round"),
  Exp: ({ x }) =>
    x!.value.type === "float32"
      ? unary("Exp", x!.value)
      : convertTo(unary("Exp", convertTo(x!.value, "float64")), "float32"),
  Log: float("Log"),
  Sqrt: float("Sqrt"),
  Reciprocal: float("Reciprocal"),
  Tanh: ({ x }) => (x!.value.type === "float32" ? tanh(x!.value) : undefined),
  Sigmoid: ({ x }) => (x!.value.type === "float32" ? sigmoid(x!.value) : undefined),
  Erf: float("Erf"),
  Sin: float("Sin"),
  Cos: float("Cos"),
  Asin: float("Asin"),
  Acos: float("Acos"),
  Atan: float("Atan"),
  Sinh: float("Sinh"),
  Cosh: float("Cosh"),
  Asinh: float("Asinh"),
  Acosh: float("Acosh"),
  Atanh: float("Atanh"),
  Softplus: float("Softplus"),
  // Near its poles a float32 is too coarse for the operator's polynomial.
  Tan: ({ x }) => {
    if (x!.value.type !== "float32") return undefined;
    const angle = convertTo(x!.value, "float64");
    return convertTo(elementwise("Div", [unary("Sin", angle), unary("Cos", angle)], "float64"), "float32");
  },
  Expm1: ({ x }) => {
    if (x!.value.type !== "float32") return undefined;
    return near(x!.value, lowExpm1(x!.value), add(unary("Exp", x!.value), -1));
  },
  // ln(1 + x) = 2 artanh(x / (2 + x)), likewise.
  Log1p: ({ x }) => {
    if (x!.value.type !== "float32") return undefined;
    const inner = multiply(unary("Atanh", divide(x!.value, add(x!.value, 2))), 2);
    return near(x!.value, inner, unary("Log", add(x!.value, 1)));
  },
  Rsqrt: ({ x }) => (x!.value.type === "float32" ? unary("Reciprocal", unary("Sqrt", x!.value)) : undefined),
  Square: ({ x }) => (x!.value.type === "bool" ? undefined : elementwise("Mul", [x!.value, x!.value], x!.value.type)),
  // The sign of NaN is 0 in tfjs, and NaN here.
  Sign: ({ x }) => {
    const { value } = x!;
    if (value.type === "bool") return undefined;
    const sign = unary("Sign", value);
    if (value.type === "int32") return sign;
    return operation("Where", [unaryTest("IsNaN", value), constant(0), sign], value.shape, "float32");
  },
  // With no slope left of zero this is the positive part of the sign, which keeps NaN.
  Step: ({ x }, { alpha }) => {
    const { value } = x!;
    if (value.type === "bool") return undefined;
    if (alpha === undefined || alpha === 0) return unary("Relu", unary("Sign", value));
    if (value.type !== "float32") return undefined;
    const positive = operation("Greater", [value, constant(0)], value.shape, "bool");
    const steps = operation("Where", [positive, constant(1), constant(alpha as number)], value.shape, "float32");
    return operation("Where", [unaryTest("IsNaN", value), value, steps], value.shape, "float32");
  },
  ClipByValue: ({ x }, { clipValueMin, clipValueMax }) =>
    x!.value.type === "bool" ? undefined : clip(x!.value, clipValueMin as number, clipValueMax as number),
  Cast: ({ x }, { dtype }) =>
    dtype === "complex64" || dtype === "string" ? undefined : castTo(x!.value, elementType(dtype as DataType)),
};

function unaryTest(type: string, value: Value): Value {
  return operation(type, [value], value.shape, "bool");
}
