/**
 * What a traced program is made of. A `Value` is a tensor that exists (`data`), is known without being stored (`uniform`),
 * or will be made by an `Operation`. Operations are ONNX operators; nothing runs until a value is read.
 */

import { checkSize } from "./failure.ts";

/** Element types of ONNX that the backend uses, with their numbers in `TensorProto.DataType`. */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
} as const;

/** An element type of ONNX. */
export type ElementType = keyof typeof ELEMENT_TYPES;

/** Host memory of a tensor. */
export type HostArray = Float32Array | Int32Array | Uint8Array | BigInt64Array | Int8Array | Uint32Array | Float64Array;

/** Attribute of an operator: an integer, a list of integers, a float (wrapped) or text. */
export type Attribute = number | readonly number[] | { readonly float: number } | string;

/** Attributes by their ONNX names. */
export type Attributes = Readonly<Record<string, Attribute>>;

/**
 * What a value is to the structure of a program, decided where the value is made. `"data"` always comes from outside. A
 * `"number"` (a scalar that the program's author wrote, the element of a filled tensor, the place where a slice begins) is
 * part of a compiled graph until it is seen to vary; from then on it is fed. `"structure"` (shapes, axes, depths) decides
 * shapes, so another one is another program.
 */
export type Role = "data" | "number" | "structure";

/** A tensor of a traced program. */
export interface Value {
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** The operation that makes it, until it has run. */
  producer: Operation | undefined;
  /** Position among the producer's outputs. */
  readonly output: number;
  /** Its elements, once they exist on the host. */
  data: HostArray | undefined;
  /** The element that every place holds, where that is known. */
  readonly uniform: number | undefined;
  readonly role: Role;
  /** Whether it stands for an argument while a function is traced: what is made of its data must be made by operations. */
  readonly isArgument?: boolean;
  /** Whether nothing outside of the backend has seen `data`, so that the memory may be used again. */
  own: boolean;
  /** Number of tensor handles that refer to it; 0 for intermediate values that only operations read. */
  holders: number;
  /** Why making it failed. */
  failure: Error | undefined;
  /** The runtime's view of `data`, made on the first run that reads it. */
  feed: unknown;
}

/** An ONNX operator applied to values. */
export interface Operation {
  readonly type: string;
  /** `cambium` for what is lowered before a graph is written: see `lower-blocks.ts`. */
  readonly domain: "" | "com.microsoft" | "cambium";
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** Number that stands for type, domain, attributes and outputs' types in the cache's keys. */
  readonly signature: number;
  /** The tfjs kernel that traced it, for messages. */
  readonly kernel: string;
  /** Makes the output on the host, for what JavaScript does faster than a graph. Its inputs are on the host. */
  readonly evaluate?: (inputs: readonly HostArray[]) => HostArray;
}

/** Numbers for texts, equal for equal texts. */
const numbers = new Map<string, number>();

/** The number of a text: small, and the same for the life of the process. */
export function numberOf(text: string): number {
  let number = numbers.get(text);
  if (number === undefined) {
    number = numbers.size;
    numbers.set(text, number);
  }
  return number;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** Bytes of an element, where they are not 4. */
const ELEMENT_BYTES: Readonly<Partial<Record<ElementType, number>>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int64: 8,
  float64: 8,
};

/** Bytes of a tensor's elements. */
export function bytesOf(type: ElementType, shape: readonly number[]): number {
  return (ELEMENT_BYTES[type] ?? 4) * sizeOf(shape);
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A value that the host holds. */
export function hostValue(
  data: HostArray,
  shape: readonly number[],
  type: ElementType,
  options: { role?: Role; uniform?: number | undefined; own?: boolean } = {},
): Value {
  return {
    shape,
    type,
    producer: undefined,
    output: 0,
    data,
    uniform: options.uniform,
    role: options.role ?? "data",
    own: options.own ?? false,
    holders: 0,
    failure: undefined,
    feed: undefined,
  };
}

/** A value whose every element is `element`; its host array is made only when read. */
export function uniformValue(element: number, shape: readonly number[], type: ElementType): Value {
  return {
    shape,
    type,
    producer: undefined,
    output: 0,
    data: undefined,
    uniform: element,
    role: "number",
    own: false,
    holders: 0,
    failure: undefined,
    feed: undefined,
  };
}

/** Host memory for a tensor. */
function allocate(type: ElementType, shape: readonly number[]): HostArray {
  checkSize("read", shape, bytesOf(type, shape));
  const size = sizeOf(shape);
  switch (type) {
    case "float32":
      return new Float32Array(size);
    case "int32":
      return new Int32Array(size);
    case "int64":
      return new BigInt64Array(size);
    case "uint32":
      return new Uint32Array(size);
    case "float64":
      return new Float64Array(size);
    case "int8":
      return new Int8Array(size);
    default:
      return new Uint8Array(size);
  }
}

/** The host array of a value that needs no run, or undefined when a graph has to make it. */
export function hostArrayOf(value: Value): HostArray | undefined {
  const { producer } = value;
  if (value.data === undefined && producer?.evaluate !== undefined) {
    const inputs = producer.inputs.map((input) => hostArrayOf(input!));
    if (inputs.some((input) => input === undefined)) return undefined;
    value.data = producer.evaluate(inputs as HostArray[]);
    value.producer = undefined;
  }
  if (value.data === undefined && value.uniform !== undefined) {
    const data = allocate(value.type, value.shape);
    if (value.type === "int64") (data as BigInt64Array).fill(BigInt(value.uniform));
    else (data as Float32Array).fill(value.uniform);
    value.data = data;
  }
  return value.data;
}

/** A small int64 tensor that decides an operator's output shape, such as axes or a shape. */
export function integers(values: readonly number[]): Value {
  return hostValue(BigInt64Array.from(values, BigInt), [values.length], "int64", { role: "structure" });
}

/** A small int64 tensor that may vary while the operator's output shape stays: where a slice begins, where padding goes. */
export function offsets(values: readonly number[]): Value {
  return hostValue(BigInt64Array.from(values, BigInt), [values.length], "int64", { role: "number" });
}

/** Whether a value is known to have one element, which `constant` would make. */
export const isScalar = (value: Value): boolean => value.role === "number" && value.shape.length === 0;

/** An operator's constant of rank 0. */
export function constant(element: number, type: ElementType = "float32"): Value {
  const data = allocate(type, []);
  if (type === "int64") (data as BigInt64Array)[0] = BigInt(element);
  else (data as Float32Array)[0] = element;
  return hostValue(data, [], type, { role: "number" });
}
