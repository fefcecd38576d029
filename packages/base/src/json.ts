import { FormatError } from "./errors.ts";

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** An object that JSON can hold; a field whose value is `undefined` counts as absent, as it does for `JSON.stringify`. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** What a message calls a value that is no JSON. */
function nameOf(value: unknown): string {
  if (typeof value === "object") return `a ${value?.constructor?.name ?? "object"}`;
  return typeof value === "number" ? String(value) : `a ${typeof value}`;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function write(value: unknown, path: string, above: readonly object[]): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  const place = path === "" ? "the value" : `"${path}"`;
  if (typeof value !== "object" || !(Array.isArray(value) || isPlain(value))) {
    throw new FormatError({ message: `canonicalJson: ${place} must be JSON, got ${nameOf(value)}`, path });
  }
  if (above.includes(value)) {
    throw new FormatError({ message: `canonicalJson: ${place} contains itself, which JSON cannot say`, path });
  }
  const within = [...above, value];
  if (Array.isArray(value)) {
    // `from` also visits holes, which `map` leaves out.
    const items = Array.from(value, (item, i) => (item === undefined ? "null" : write(item, `${path}[${i}]`, within)));
    return `[${items.join(",")}]`;
  }
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${write(field, path === "" ? key : `${path}.${key}`, within)}`);
  return `{${fields.join(",")}}`;
}

/**
 * The one JSON text of a value, to compare or to hash: keys sorted by code unit, no spaces. As `JSON.stringify` does, it
 * leaves out fields that are `undefined`, writes `null` for `undefined` in a list, and `0` for `-0`.
 *
 * @throws {FormatError} When something in it is no JSON (a function, NaN, an infinity, a Date or another class, a value
 *   that contains itself); names its path.
 * @example
 * canonicalJson({ b: 1, a: [true, undefined] }); // '{"a":[true,null],"b":1}'
 */
export function canonicalJson(value: unknown): string {
  return write(value, "", []);
}
