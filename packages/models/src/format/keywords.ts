/** Keywords of JSON Schema: which there are, and how they are read from a schema. */
import { ConfigError, nearest } from "@cambium/base";

/** A schema that is an object. */
export type Keywords = { readonly [keyword: string]: unknown };

/** Keywords that say nothing of which values are valid. */
export const annotations: readonly string[] = [
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
];

export const own: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties", "propertyNames", "patternProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format", "contentEncoding"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"],
  boolean: [],
  null: [],
};
export const types: readonly string[] = Object.keys(own);
const known = [
  ...new Set([
    ...annotations,
    ...Object.values(own).flat(),
    "type",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
  ]),
];

/** What JSON Schema has beside these: named where it occurs, and not as a typing error. */
const others = [
  ..."$anchor $dynamicRef $vocabulary contains contentMediaType dependencies dependentRequired".split(" "),
  ..."dependentSchemas else if maxContains maxProperties minContains minProperties multipleOf not".split(" "),
  ..."then unevaluatedItems unevaluatedProperties uniqueItems".split(" "),
];

export const typeOf = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "array"
      : typeof value === "number" && Number.isInteger(value)
        ? "integer"
        : typeof value;

/** Reads keywords of one schema. `path` is where they stand in it. */
export interface KeywordReader {
  /** The error of a schema that is wrong, or has no values. */
  fail(path: string, problem: string): ConfigError;
  /** Names a part that is left out to `loosen`, or throws. */
  leaveOut(error: ConfigError): void;
  /** The same by place and problem. */
  unsupported(path: string, problem: string): void;
  checkKeywords(schema: Keywords, path: string, allowed: readonly string[], beside: string): void;
  rangeOf(schema: Keywords, path: string, low: string, high: string): readonly [min: number, max: number];
  boundOf(schema: Keywords, path: string, keyword: string): number | undefined;
}

/**
 * @param caller - Function to name in messages.
 * @param loosen - Told of what is left out; without it, that is an error.
 */
export function keywordReader(caller: string, loosen?: (problem: string) => void): KeywordReader {
  const fail = (path: string, problem: string): ConfigError =>
    new ConfigError({ message: `${caller}: the schema at ${path} ${problem}`, path });

  function leaveOut(error: ConfigError): void {
    if (loosen === undefined) throw error;
    loosen(error.message.replace(`${caller}: `, ""));
  }

  const unsupported = (path: string, problem: string): void => leaveOut(fail(path, problem));

  function checkKeywords(schema: Keywords, path: string, allowed: readonly string[], beside: string): void {
    for (const [keyword, value] of Object.entries(schema)) {
      if (annotations.includes(keyword) || allowed.includes(keyword) || value === undefined) continue;
      const near = nearest(keyword, known);
      unsupported(
        path,
        others.includes(keyword)
          ? `has the keyword "${keyword}", which is not supported`
          : known.includes(keyword)
            ? `has "${keyword}" beside ${beside}, which is not supported`
            : `has the unknown keyword "${keyword}"${near === undefined ? "" : `; is "${near}" meant?`}`,
      );
    }
  }

  function countOf(schema: Keywords, path: string, keyword: string, usual: number): number {
    const value = schema[keyword] ?? usual;
    if (typeof value === "number" && value >= 0 && (Number.isSafeInteger(value) || value === usual)) return value;
    throw fail(path, `has a "${keyword}" that is no count: ${JSON.stringify(value)}`);
  }

  function rangeOf(schema: Keywords, path: string, low: string, high: string): readonly [min: number, max: number] {
    const [min, max] = [countOf(schema, path, low, 0), countOf(schema, path, high, Number.POSITIVE_INFINITY)];
    if (min <= max) return [min, max];
    throw fail(path, `has no values: ${low} ${min} is above ${high} ${max}`);
  }

  function boundOf(schema: Keywords, path: string, keyword: string): number | undefined {
    const value = schema[keyword];
    if (value === undefined || (typeof value === "number" && Number.isFinite(value)))
      return value as number | undefined;
    unsupported(path, `has a "${keyword}" that is no number: ${JSON.stringify(value)}`);
    return undefined;
  }

  return { fail, leaveOut, unsupported, checkKeywords, rangeOf, boundOf };
}
