/** What each keyword of JSON Schema holds. Others say nothing about values, and are left out. */
import type { Json, JsonObject } from "@cambium/base";

export type KeywordKind =
  | "schema"
  | "schemas"
  | "schema-map"
  | "items"
  | "dependencies"
  | "type"
  | "names"
  | "name-map"
  | "list"
  | "number"
  | "count"
  | "boolean"
  | "text"
  | "any";

const named = (kind: KeywordKind, names: string): [string, KeywordKind][] =>
  names.split(" ").map((name) => [name, kind]);

/** Drafts 4 to 2020-12, and what OpenAPI adds. */
export const KEYWORDS: ReadonlyMap<string, KeywordKind> = new Map([
  ...named(
    "schema",
    "additionalItems unevaluatedItems contains additionalProperties unevaluatedProperties propertyNames not if then else",
  ),
  ...named("schemas", "prefixItems allOf anyOf oneOf"),
  ...named("schema-map", "properties patternProperties dependentSchemas"),
  ...named("items", "items"),
  ...named("dependencies", "dependencies"),
  ...named("type", "type"),
  ...named("names", "required"),
  ...named("name-map", "dependentRequired"),
  ...named("list", "enum examples"),
  ...named("number", "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf"),
  ...named("count", "minLength maxLength minItems maxItems minProperties maxProperties minContains maxContains"),
  ...named("boolean", "uniqueItems deprecated readOnly writeOnly"),
  ...named("text", "title description format pattern contentMediaType contentEncoding"),
  ...named("any", "const default"),
]);

/** The types of JSON Schema. */
const TYPES: ReadonlySet<unknown> = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);

/** Whether a value is an object that is no list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A schema with each schema in it replaced; what is data stays. */
export function mapSchemas(schema: JsonObject, change: (inner: Json) => Json): JsonObject {
  const changed = Object.entries(schema).map(([keyword, value]): [string, Json] => {
    const kind = keyword === "$defs" ? "schema-map" : KEYWORDS.get(keyword);
    if (kind === "schemas" || (kind === "items" && Array.isArray(value)))
      return [keyword, (value as Json[]).map(change)];
    if (kind === "schema" || kind === "items") return [keyword, change(value as Json)];
    if (kind !== "schema-map" && kind !== "dependencies") return [keyword, value as Json];
    const inner = Object.entries(value as JsonObject).map(([name, each]) => [
      name,
      Array.isArray(each) ? each : change(each as Json),
    ]);
    return [keyword, Object.fromEntries(inner) as JsonObject];
  });
  return Object.fromEntries(changed);
}

const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === "string");

/** Whether a keyword that holds no schemas holds what it should. */
export function isFit(kind: KeywordKind, value: unknown): boolean {
  switch (kind) {
    case "type":
      return Array.isArray(value) ? value.length > 0 && value.every((type) => TYPES.has(type)) : TYPES.has(value);
    case "names":
      return isNames(value);
    case "name-map":
      return isObject(value) && Object.values(value).every(isNames);
    case "list":
      return Array.isArray(value);
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "count":
      return Number.isInteger(value) && (value as number) >= 0;
    case "boolean":
      return typeof value === "boolean";
    case "text":
      return typeof value === "string";
    default:
      return true;
  }
}
