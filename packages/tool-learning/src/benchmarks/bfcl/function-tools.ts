/** Function documents as declarations that providers take. */
import type { Json, JsonObject } from "@cambium/base";
import type { ToolDeclaration } from "@cambium/llm";
import { localNames } from "../../imported/local-names.ts";
import { isObject } from "../../json-schema/keywords.ts";
import type { BfclFunction } from "./row.ts";

const TYPES: Readonly<Record<string, string>> = {
  dict: "object",
  hashmap: "object",
  object: "object",
  float: "number",
  double: "number",
  number: "number",
  bigint: "integer",
  integer: "integer",
  int: "integer",
  long: "integer",
  short: "integer",
  byte: "integer",
  tuple: "array",
  array: "array",
  list: "array",
  arraylist: "array",
  set: "array",
  string: "string",
  char: "string",
  boolean: "boolean",
};

/** A schema of a document as JSON Schema. Words of other languages that have no type here, such as `any`, ask for none. */
function schemaOf(given: unknown): JsonObject {
  if (!isObject(given)) return {};
  const { type, properties, items, required, description, default: preset, enum: choices } = given;
  const known = typeof type === "string" ? TYPES[type.toLowerCase()] : undefined;
  return {
    ...(known === undefined ? {} : { type: known }),
    ...(typeof description === "string" ? { description } : {}),
    ...(isObject(properties)
      ? { properties: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, schemaOf(each)])) }
      : {}),
    ...(items === undefined ? (known === "array" ? { items: {} } : {}) : { items: schemaOf(items) }),
    ...(Array.isArray(required) && required.length > 0 ? { required: required as Json } : {}),
    ...(Array.isArray(choices) ? { enum: choices as Json } : {}),
    ...(preset === undefined ? {} : { default: preset as Json }),
  };
}

/** Declarations, and the documents' names by theirs: names with dots are not ones that providers take. */
export function declarationsOf(functions: readonly BfclFunction[]): {
  readonly declarations: readonly ToolDeclaration[];
  readonly nameOf: ReadonlyMap<string, string>;
} {
  const names = localNames(
    "f",
    functions.map(({ name }) => name),
  );
  const declarations = functions.map(({ name, description, parameters }) => ({
    name: names.get(name)!.slice(2),
    description,
    parameters: { properties: {}, ...schemaOf(parameters), type: "object" },
  }));
  return { declarations, nameOf: new Map(functions.map(({ name }) => [names.get(name)!.slice(2), name])) };
}
