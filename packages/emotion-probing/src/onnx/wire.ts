/**
 * Protocol buffers' wire format, as much as it takes to change a message and leave every byte of the rest: a message is a list of
 * fields, a tag `number << 3 | type` and a varint (0), eight bytes (1), four bytes (5), or a length and bytes (2).
 */
import { FormatError } from "@cambium/base";

/** A field as it stands: of type 0 the varint's bytes, of type 2 the content without its length. */
export interface Field {
  readonly number: number;
  readonly type: 0 | 1 | 2 | 5;
  readonly bytes: Uint8Array;
}

const broken = (): FormatError =>
  new FormatError({ message: "exposeActivations: the file is no ONNX model, or is cut off" });

/** A varint at a place, up to 2^53, and where it ends. */
function varintAt(bytes: Uint8Array, from: number): readonly [value: number, to: number] {
  let [value, scale, at] = [0, 1, from];
  for (;;) {
    const byte = bytes[at++];
    if (byte === undefined || at - from > 10) throw broken();
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at];
    scale *= 128;
  }
}

/** The fields of a message. Contents are views of its bytes. */
export function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag, begin] = varintAt(bytes, at);
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    let [from, to] = [begin, begin];
    if (type === 0) to = varintAt(bytes, begin)[1];
    else if (type === 1) to = begin + 8;
    else if (type === 5) to = begin + 4;
    else if (type === 2) {
      const [length, start] = varintAt(bytes, begin);
      [from, to] = [start, start + length];
    } else throw broken();
    if (to > bytes.length || number === 0) throw broken();
    fields.push({ number, type: type as Field["type"], bytes: bytes.subarray(from, to) });
    at = to;
  }
  return fields;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

/** The message of some fields. */
export function messageOf(fields: readonly Field[]): Uint8Array {
  const parts = fields.flatMap(({ number, type, bytes }) => {
    const tag = varint(number * 8 + type);
    return type === 2 ? [tag, varint(bytes.length), bytes] : [tag, bytes];
  });
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const integerField = (number: number, value: number): Field => ({ number, type: 0, bytes: varint(value) });
export const bytesField = (number: number, bytes: Uint8Array): Field => ({ number, type: 2, bytes });
export const textField = (number: number, text: string): Field => bytesField(number, new TextEncoder().encode(text));
export const messageField = (number: number, fields: readonly Field[]): Field => bytesField(number, messageOf(fields));

const decoder = new TextDecoder();
const textOf = ({ bytes }: Field): string => decoder.decode(bytes);

/** Texts of a repeated field. */
export const textsOf = (fields: readonly Field[], number: number): string[] =>
  fields.filter((field) => field.number === number && field.type === 2).map(textOf);

/** Integers of a repeated field, packed or not. */
export function integersOf(fields: readonly Field[], number: number): number[] {
  return fields
    .filter((field) => field.number === number)
    .flatMap(({ type, bytes }) => {
      const values: number[] = [];
      for (let at = 0; at < bytes.length; ) {
        const [value, to] = varintAt(bytes, at);
        values.push(value);
        at = to;
        if (type === 0) break;
      }
      return values;
    });
}
