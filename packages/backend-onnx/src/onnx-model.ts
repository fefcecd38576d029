/**
 * Writes ONNX models: the few messages of onnx.proto3 that a graph of known shapes needs, in protocol buffers' wire
 * format (a tag `field << 3 | wire type`, then a varint, four bytes, or a length and bytes).
 */
import { type Attribute, type Attributes, ELEMENT_TYPES, type ElementType, type HostArray } from "./graph.ts";

/** ONNX operator set that the kernels are written for. */
const OPERATOR_SET = 21;
const IR_VERSION = 10;

/** Growing bytes of one message. */
class Message {
  private bytes: Uint8Array = new Uint8Array(64);
  private length = 0;

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  private varint(value: number): void {
    this.reserve(10);
    if (value >= 0 && value < 2 ** 31) {
      let rest = value;
      while (rest > 127) {
        this.bytes[this.length++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      this.bytes[this.length++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.bytes[this.length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.bytes[this.length++] = Number(rest);
  }

  integer(field: number, value: number): this {
    this.varint(field << 3);
    this.varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.varint((field << 3) | 5);
    this.reserve(4);
    new DataView(this.bytes.buffer).setFloat32(this.length, value, true);
    this.length += 4;
    return this;
  }

  /** The tag and the length of a part that follows. */
  prefix(field: number, length: number): this {
    this.varint((field << 3) | 2);
    this.varint(length);
    return this;
  }

  raw(field: number, value: Uint8Array): this {
    this.prefix(field, value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
    return this;
  }

  text(field: number, value: string): this {
    return this.raw(field, encoder.encode(value));
  }

  message(field: number, value: Message): this {
    return this.raw(field, value.finish());
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

const encoder = new TextEncoder();

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (FLOAT 1, INT 2, STRING 3, INTS 7). */
function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, 2);
  if (typeof value === "string") return message.text(4, value).integer(20, 3);
  if ("float" in value) return message.float(2, value.float).integer(20, 1);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

/**
 * TensorProto: dims 1, data_type 2, name 8, raw_data 9, external_data 13 { key 1, value 2 }, data_location 14 (EXTERNAL 1). The elements
 * themselves are the last part, and not copied; those that are handed over beside the model are a file of the tensor's name.
 */
function encodeTensor({ name, shape, type, data }: Initializer, isOutside: boolean): readonly Uint8Array[] {
  const message = new Message();
  for (const dimension of shape) message.integer(1, dimension);
  message.integer(2, ELEMENT_TYPES[type]).text(8, name);
  if (isOutside) {
    const place = { location: name, offset: "0", length: String(data.byteLength) };
    for (const [key, value] of Object.entries(place)) message.message(13, new Message().text(1, key).text(2, value));
    return lengthPrefixed(5, [message.integer(14, 1).finish()]);
  }
  return lengthPrefixed(5, [
    message.finish(),
    ...lengthPrefixed(9, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]),
  ]);
}

/** Parts of a message of messages: the tag and the length of what follows, and that. */
function lengthPrefixed(field: number, parts: readonly Uint8Array[]): readonly Uint8Array[] {
  return [new Message().prefix(field, sizeOfParts(parts)).finish(), ...parts];
}

const sizeOfParts = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

/** ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 or dim_param 2 } } } }. */
function encodeSlot({ name, shape, type }: Slot): Message {
  const dimensions = new Message();
  for (const dimension of shape) {
    const message = new Message();
    dimensions.message(1, typeof dimension === "number" ? message.integer(1, dimension) : message.text(2, dimension));
  }
  const tensorType = new Message().integer(1, ELEMENT_TYPES[type]).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensorType));
}

/** A node of the graph. */
export interface Node {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  /** Names of values; empty for an optional input that is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** An input or output of the graph. */
export interface Slot {
  readonly name: string;
  /** Names stand for dimensions that may have any size. */
  readonly shape: readonly (number | string)[];
  readonly type: ElementType;
}

/** A constant of the graph. */
export interface Initializer extends Slot {
  readonly shape: readonly number[];
  readonly data: HostArray;
}

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
function encodeNode({ name, type, domain, inputs, outputs, attributes }: Node): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(3, name).text(4, type);
  for (const [key, value] of Object.entries(attributes)) message.message(5, encodeAttribute(key, value));
  if (domain !== "") message.text(7, domain);
  return message;
}

/** What a model is made of besides nodes and values. */
export interface EncodeOptions {
  /** Whether operators of ONNX Runtime's own are among the nodes. @default true */
  readonly hasContrib?: boolean;
  /** Constants whose elements are handed over beside the model. @default none */
  readonly outside?: ReadonlySet<Initializer>;
}

/** The bytes of a model. Nodes must be in an order in which they can run. */
export function encodeModel(
  nodes: readonly Node[],
  initializers: readonly Initializer[],
  inputs: readonly Slot[],
  outputs: readonly Slot[],
  { hasContrib = true, outside = new Set() }: EncodeOptions = {},
): Uint8Array {
  const graph = new Message();
  for (const node of nodes) graph.message(1, encodeNode(node));
  graph.text(2, "cambium");
  for (const input of inputs) graph.message(11, encodeSlot(input));
  for (const output of outputs) graph.message(12, encodeSlot(output));
  const head = new Message().integer(1, IR_VERSION).text(2, "cambium");
  const operatorSets = new Message().message(8, new Message().text(1, "").integer(2, OPERATOR_SET));
  if (hasContrib) operatorSets.message(8, new Message().text(1, "com.microsoft").integer(2, 1));
  const parts = [
    head.finish(),
    ...lengthPrefixed(7, [graph.finish(), ...initializers.flatMap((each) => encodeTensor(each, outside.has(each)))]),
    operatorSets.finish(),
  ];
  const model = new Uint8Array(sizeOfParts(parts));
  let length = 0;
  for (const part of parts) {
    model.set(part, length);
    length += part.length;
  }
  return model;
}
