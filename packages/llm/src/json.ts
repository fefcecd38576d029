import { UsageError } from "./errors.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A JSON object; keys whose value is `undefined` count as absent. */
export type JsonObject = { readonly [key: string]: Json | undefined };

/**
 * The one JSON text of a value: keys sorted by code unit, no spaces, `undefined` left out, `-0` as `0`.
 *
 * @throws {UsageError} When a value is no JSON (a function, NaN, an infinity); names its path.
 * @example
 * canonicalJson({ b: 1, a: [true, undefined] }); // '{"a":[true,null],"b":1}'
 */
export function canonicalJson(value: unknown, path = ""): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((item, i) => (item === undefined ? "null" : canonicalJson(item, `${path}[${i}]`))).join(",")}]`;
  }
  if (typeof value === "object" && isPlain(value)) {
    const entries = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field, path === "" ? key : `${path}.${key}`)}`).join(",")}}`;
  }
  throw new UsageError({
    message: `canonicalJson: "${path}" must be a JSON value, got ${typeof value === "object" ? value.constructor.name : String(value)}`,
    path,
  });
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
