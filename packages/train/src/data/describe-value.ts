import { ConfigError } from "@cambium/base";
import { fingerprint } from "@cambium/core";
import { Tensor } from "@tensorflow/tfjs-core";

const nameOf = (value: unknown): string =>
  typeof value === "object" ? `a ${value?.constructor?.name ?? "object"}` : `a ${typeof value}`;

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A text for a value; tensors are collected and stand in it by their number. */
function write(value: unknown, path: string, above: readonly object[], tensors: Tensor[], caller: string): string {
  const refuse = (problem: string): ConfigError =>
    new ConfigError({
      message: `${caller}${path === "" ? "" : ` at "${path.replace(/^\./, "")}"`} ${problem}, which cannot be fingerprinted for a checkpoint; make it plain data (text, numbers, lists, objects, typed arrays, tensors), or give it a toJSON method`,
      path,
    });
  const inner = (item: unknown, key: string | number): string =>
    write(
      item,
      typeof key === "number" ? `${path}[${key}]` : `${path}.${key}`,
      [...above, value as object],
      tensors,
      caller,
    );

  if (typeof value === "string" || typeof value === "boolean" || value === null) return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`; // NaN and infinities too
  if (typeof value === "bigint") return `${value}n`;
  if (value === undefined) return "undefined";
  if (typeof value !== "object") throw refuse(`is ${nameOf(value)}`);
  if (above.includes(value)) throw refuse("contains itself");
  if (value instanceof Tensor) return `tensor ${tensors.push(value)}`;
  if (Array.isArray(value)) return `[${Array.from(value, inner).join(",")}]`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return `${value.constructor.name}[${Array.prototype.join.call(value, ",")}]`;
  if (value instanceof Map || value instanceof Set) return `${value.constructor.name}${inner([...value], "entries")}`;
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === "function") return `${value.constructor.name} ${inner(toJSON.call(value), "toJSON()")}`;
  if (!isPlain(value)) throw refuse(`is ${nameOf(value)}`);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${inner(field, key)}`).join(",")}}`;
}

/**
 * A text that differs wherever two values differ: plain data, typed arrays, maps, sets, tensors, and what has a `toJSON`.
 * The order of an object's keys does not count.
 *
 * @param caller - What the value is, for the message.
 * @throws {ConfigError} When something in it is a function, or an instance of a class; names its place.
 */
export async function describeValue(caller: string, value: unknown): Promise<string> {
  const tensors: Tensor[] = [];
  const text = write(value, "", [], tensors, caller);
  if (tensors.length === 0) return text;
  const prints: string[] = [];
  for (const tensor of tensors) prints.push(await fingerprint(tensor));
  return `${text} ${prints.join(" ")}`;
}
