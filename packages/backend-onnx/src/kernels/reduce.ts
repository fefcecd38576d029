/** Reductions. */
import { util } from "@tensorflow/tfjs-core";
import { constant, integers, sizeOf, uniformValue, type Value } from "../graph.ts";
import { convertTo, lowBits, operation, reduce, reshapeTo, transposeTo } from "../tracer.ts";
import { product } from "./product.ts";
import { slice } from "./shape.ts";
import type { Input, KernelTable, Trace } from "./table.ts";

const axesOf = (x: Input, axis: unknown): number[] => util.parseAxisParam(axis as number | number[], x.shape);

/** The reduction of nothing to `element`. */
function reduceNothing(x: Input, axes: readonly number[], keepDimensions: boolean, element: number): Value {
  return uniformValue(
    element,
    reducedShape(x.shape, axes, keepDimensions),
    x.value.type === "float32" ? "float32" : "int32",
  );
}

/** Elements from which on column sums are products. */
const LARGE = 4096;

/** Sums of columns, as a product with ones: the runtime's own sum over leading axes takes up to ten times as long. */
function columnSums(value: Value, axes: readonly number[], keepDimensions: boolean): Value | undefined {
  const { shape } = value;
  const areLeading = axes.length < shape.length && [...axes].sort((a, b) => a - b).every((axis, i) => axis === i);
  if (value.type !== "float32" || !areLeading || sizeOf(shape) < LARGE) return undefined;
  const kept = shape.slice(axes.length);
  const [rows, columns] = [sizeOf(shape.slice(0, axes.length)), sizeOf(kept)];
  if (rows === 1 || columns === 1) return undefined;
  const sums = product(uniformValue(1, [1, rows], "float32"), reshapeTo(value, [rows, columns]));
  return reshapeTo(sums, keepDimensions ? [...axes.map(() => 1), ...kept] : kept);
}

/** A product of int32 that goes round, by halves: the runtime's own stops at the greatest int64, also when it is asked for in those. */
function integerProduct(value: Value, axes: readonly number[], shape: readonly number[]): Value {
  const others = value.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const width = sizeOf(others.map((axis) => value.shape[axis]!));
  let count = sizeOf(value.shape) / width;
  let rows = reshapeTo(transposeTo(value, [...axes, ...others]), [count, width]);
  const multiply = (a: Value, b: Value): Value => operation("Mul", [a, b], a.shape, "int32");
  let odd: Value | undefined;
  for (; count > 1; count >>= 1) {
    const half = count >> 1;
    if (count % 2 === 1) {
      const last = slice(rows, [count - 1, 0], [1, width]);
      odd = odd === undefined ? last : multiply(odd, last);
    }
    rows = multiply(slice(rows, [0, 0], [half, width]), slice(rows, [half, 0], [half, width]));
  }
  return reshapeTo(odd === undefined ? rows : multiply(rows, odd), shape);
}

/** The shape of what is left when axes are reduced. */
const reducedShape = (shape: readonly number[], axes: readonly number[], keepDimensions: boolean): number[] =>
  keepDimensions
    ? shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension))
    : shape.filter((_, axis) => !axes.includes(axis));

/** A sum or a product, which of nothing is `empty`; of booleans in integers. */
const accumulation =
  (type: "ReduceSum" | "ReduceProd", empty: number): Trace =>
  ({ x }, { axis, keepDims }) => {
    const axes = axesOf(x!, axis);
    if (sizeOf(x!.shape) === 0) return reduceNothing(x!, axes, keepDims === true, empty);
    const { value } = x!;
    if (value.type === "float32") return reduce(type, value, axes, keepDims === true);
    // The operators' own int32 stops at the greatest number, where tfjs's and JavaScript's go round.
    const integers = convertTo(value, "int32");
    return type === "ReduceProd"
      ? integerProduct(integers, axes, reducedShape(x!.shape, axes, keepDims === true))
      : lowBits(reduce(type, convertTo(integers, "int64"), axes, keepDims === true));
  };

/** The largest or smallest element, NaN when one is among them. ONNX Runtime passes over NaN. */
const extreme =
  (type: string): Trace =>
  ({ x }, { axis, reductionIndices, keepDims }) => {
    const { value } = x!;
    if (sizeOf(x!.shape) === 0) return undefined;
    const axes = axesOf(x!, axis ?? reductionIndices); // `Max` calls its axes `reductionIndices`
    const found = reduce(type, value, axes, keepDims === true);
    if (value.type !== "float32" || found.producer?.type !== type) return found;
    const isNan = operation("IsNaN", [value], value.shape, "bool");
    const hasNaN = reduce("ReduceMax", isNan, axes, keepDims === true);
    return operation("Where", [hasNaN, constant(Number.NaN), found], found.shape, "float32");
  };

/** Whether all or any are true: the smallest or largest of 0 and 1. */
const quantifier =
  (type: string): Trace =>
  ({ x }, { axis, keepDims }) => {
    if (sizeOf(x!.shape) === 0 || x!.value.type !== "bool") return undefined;
    return reduce(type, x!.value, axesOf(x!, axis), keepDims === true);
  };

/** The place of the first extreme element along one axis, int32. tfjs passes over NaN, unless it comes first. */
const place =
  (type: "ArgMax" | "ArgMin"): Trace =>
  ({ x }, { axis }) => {
    const { value } = x!;
    if (sizeOf(x!.shape) === 0) return undefined;
    const along = axesOf(x!, axis)[0]!;
    const shape = x!.shape.filter((_, i) => i !== along);
    const placeIn = (elements: Value): Value =>
      convertTo(operation(type, [elements], shape, "int64", { attributes: { axis: along, keepdims: 0 } }), "int32");
    if (value.type !== "float32") return placeIn(convertTo(value, "int32"));
    const isNan = (elements: Value): Value => operation("IsNaN", [elements], elements.shape, "bool");
    const worst = constant(type === "ArgMax" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    const found = placeIn(operation("Where", [isNan(value), worst, value], value.shape, "float32"));
    const first = operation(
      "Slice",
      [value, integers([0]), integers([1]), integers([along])],
      x!.shape.with(along, 1),
      "float32",
    );
    return operation("Where", [isNan(reshapeTo(first, shape)), constant(0, "int32"), found], shape, "int32");
  };

export const reduceKernels: KernelTable = {
  Sum: (inputs, attributes) =>
    columnSums(inputs["x"]!.value, axesOf(inputs["x"]!, attributes["axis"]), attributes["keepDims"] === true) ??
    accumulation("ReduceSum", 0)(inputs, attributes),
  Mean: ({ x }, { axis, keepDims }) => {
    const floats = { ...x!, value: convertTo(x!.value, "float32") };
    const axes = axesOf(x!, axis);
    if (sizeOf(x!.shape) === 0) return reduceNothing(floats, axes, keepDims === true, 0);
    return reduce("ReduceMean", floats.value, axes, keepDims === true);
  },
  Max: extreme("ReduceMax"),
  Min: extreme("ReduceMin"),
  Prod: accumulation("ReduceProd", 1),
  All: quantifier("ReduceMin"),
  Any: quantifier("ReduceMax"),
  ArgMax: place("ArgMax"),
  ArgMin: place("ArgMin"),
  Cumsum: ({ x }, { axis, exclusive, reverse }) => {
    const value = x!.value.type === "bool" ? convertTo(x!.value, "int32") : x!.value;
    if (x!.shape.length === 0) return exclusive === true ? uniformValue(0, [], value.type) : value;
    const attributes = { exclusive: exclusive === true ? 1 : 0, reverse: reverse === true ? 1 : 0 };
    return operation("CumSum", [value, constant(axis as number, "int64")], x!.shape, value.type, { attributes });
  },
};
