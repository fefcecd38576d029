/** What kernels are written with: values of tensors, operations on them, and tensors of the results. */
import type { DataType } from "@tensorflow/tfjs-core";
import { checkSize } from "./failure.ts";
import {
  type Attributes,
  bytesOf,
  constant,
  ELEMENT_TYPES,
  type ElementType,
  hostValue,
  integers,
  isScalar,
  numberOf,
  type Operation,
  sameShape,
  sizeOf,
  uniformValue,
  type Value,
} from "./graph.ts";

/** Element type of a tensor; tfjs's bool is one byte of 0 or 1, as ONNX's. */
export function elementType(dtype: DataType): ElementType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new Error(`backend-onnx: tensors of ${dtype} have no graph values`);
}

/** An operator's settings besides its inputs. */
export interface OperationOptions {
  readonly attributes?: Attributes;
  readonly domain?: Operation["domain"];
}

/** Shape and type of an output. */
export interface OutputSpec {
  readonly shape: readonly number[];
  readonly type: ElementType;
}

let currentKernel = "";

/** Runs a kernel's tracing under its name, which messages and node names carry. */
export function traceAs<T>(kernel: string, trace: () => T): T {
  const outer = currentKernel;
  currentKernel = kernel;
  try {
    return trace();
  } finally {
    currentKernel = outer;
  }
}

/** The kernel that is being traced, for messages; empty outside of kernels. */
export const kernelNow = (): string => currentKernel;

const NO_ATTRIBUTES: Attributes = {};

/** An operator with several outputs. */
export function operations(
  type: string,
  inputs: readonly (Value | undefined)[],
  outputs: readonly OutputSpec[],
  options: OperationOptions = {},
): Value[] {
  const { attributes = NO_ATTRIBUTES, domain = "" } = options;
  const kernel = currentKernel || type;
  for (const output of outputs) checkSize(kernel, output.shape, bytesOf(output.type, output.shape));
  let signature = `${domain}:${type}`;
  for (const key in attributes) signature += ` ${key}=${JSON.stringify(attributes[key])}`;
  for (const output of outputs) signature += ` ${output.type}`;
  const values: Value[] = outputs.map(({ shape, type: elements }, output) => ({
    shape,
    type: elements,
    producer: undefined,
    output,
    data: undefined,
    uniform: undefined,
    role: "data",
    own: false,
    holders: 0,
    failure: undefined,
    feed: undefined,
  }));
  const operation: Operation = {
    type,
    domain,
    inputs,
    attributes,
    outputs: values,
    signature: numberOf(signature),
    kernel,
  };
  for (const value of values) value.producer = operation;
  return values;
}

/** What the host makes of a value, by what it does to it; nothing is kept alive by standing here. */
const madeOnHost = new WeakMap<Value, Map<number, WeakRef<Value>>>();

/** A value that the host makes of values it has, when it is read. The same made of the same value is one value. */
export function hostOperation(
  type: string,
  inputs: readonly Value[],
  spec: OutputSpec,
  attributes: string,
  evaluate: NonNullable<Operation["evaluate"]>,
): Value {
  const [value] = operations(`${type} ${attributes}`, inputs, [spec]) as [Value];
  const producer = value.producer!;
  value.producer = { ...producer, outputs: [value], evaluate };
  if (inputs.length !== 1) return value;
  const made = madeOnHost.get(inputs[0]!) ?? new Map<number, WeakRef<Value>>();
  const known = made.get(producer.signature)?.deref();
  if (known !== undefined) return known;
  madeOnHost.set(inputs[0]!, made.set(producer.signature, new WeakRef(value)));
  return value;
}

/** An operator with one output. What has no elements needs no operator. */
export function operation(
  type: string,
  inputs: readonly (Value | undefined)[],
  shape: readonly number[],
  elements: ElementType,
  options: OperationOptions = {},
): Value {
  if (shape.includes(0)) return uniformValue(0, shape, elements);
  return operations(type, inputs, [{ shape, type: elements }], options)[0]!;
}

/** The same elements in another shape. Reshapes of reshapes collapse, and those of existing tensors cost nothing. */
export function reshapeTo(value: Value, shape: readonly number[]): Value {
  if (sameShape(value.shape, shape)) return value;
  if (value.uniform !== undefined) return uniformValue(value.uniform, shape, value.type);
  if (value.data !== undefined && value.isArgument !== true) {
    value.own = false; // from now on two values share its memory
    return hostValue(value.data, shape, value.type);
  }
  const source = sourceOf(value);
  if (sameShape(source.shape, shape)) return source;
  return operation("Reshape", [source, integers(shape)], shape, value.type);
}

/** What a pending value was reshaped from, or the value itself. */
export function sourceOf(value: Value): Value {
  return value.data === undefined && value.producer?.type === "Reshape" ? value.producer.inputs[0]! : value;
}

/** The value in another element type, which holds its elements. */
export function convertTo(value: Value, type: ElementType): Value {
  if (value.type === type) return value;
  if (value.uniform !== undefined) {
    const element =
      type === "bool" ? Number(value.uniform !== 0) : type === "int32" ? value.uniform | 0 : value.uniform;
    return uniformValue(element, value.shape, type);
  }
  if (isScalar(value)) {
    const element = Number(value.data![0]);
    return constant(type === "bool" ? Number(element !== 0) : element, type);
  }
  return operation("Cast", [value], value.shape, type, { attributes: { to: ELEMENT_TYPES[type] } });
}

/**
 * The value in another element type, as JavaScript converts it: to int32 towards zero and modulo 2^32, NaN and infinities
 * as 0. ONNX leaves those to the machine: which makes of NaN a 64-bit integer with no low bits.
 */
export function castTo(value: Value, type: ElementType): Value {
  const isFloat = value.type === "float32" || value.type === "float64";
  if (type !== "int32" || !isFloat || value.uniform !== undefined || isScalar(value)) return convertTo(value, type);
  const rest = operation("Mod", [value, constant(2 ** 32, value.type)], value.shape, value.type, {
    attributes: { fmod: 1 },
  });
  return lowBits(convertTo(rest, "int64"));
}

/** The low 32 bits of int64 numbers, as int32. */
export function lowBits(value: Value): Value {
  // Without an operator between them, ONNX Runtime makes one conversion of this and the one before.
  const low = operation("BitwiseAnd", [value, constant(2 ** 32 - 1, "int64")], value.shape, "int64");
  return convertTo(low, "int32");
}

/** Axes permuted. */
export function transposeTo(value: Value, permutation: readonly number[]): Value {
  if (permutation.every((axis, i) => axis === i)) return value;
  const shape = permutation.map((axis) => value.shape[axis]!);
  // Moving only axes of length 1 keeps the elements' order.
  const moved = permutation.filter((axis) => value.shape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return reshapeTo(value, shape);
  return operation("Transpose", [value], shape, value.type, { attributes: { perm: permutation } });
}

/** Reduces axes with a `Reduce…` operator; axes of length 1 only change the shape. */
export function reduce(type: string, value: Value, axes: readonly number[], keepDimensions: boolean): Value {
  const kept = value.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
  const shape = keepDimensions ? kept : value.shape.filter((_, axis) => !axes.includes(axis));
  if (sizeOf(kept) === sizeOf(value.shape) && type !== "ReduceSumSquare") return reshapeTo(value, shape);
  return operation(type, [value, integers(axes)], shape, value.type, {
    attributes: { keepdims: keepDimensions ? 1 : 0 },
  });
}
