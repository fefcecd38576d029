/**
 * Schemas of any library: a tool's input and output are Standard Schemas (zod 4, valibot, arktype, …), and what the model
 * is shown of them is their own JSON Schema, where the library writes one.
 *
 * @see https://standardschema.dev (Standard Schema 1.1 and Standard JSON Schema)
 */
import { ConfigError, type Json, type JsonObject, nearest } from "@cambium/base";
import { excerptOf } from "./hostile.ts";

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  /** Where, from the outside in: keys, or objects that hold one. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The value as a schema reads it, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** A Standard Schema, as far as tools need it. `Input` is what is given, `Output` what the schema makes of it. */
export interface Schema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    /** The value as the schema reads it, or what is wrong with it. */
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Writes the schema as JSON Schema; libraries that do not have it need the tool's `inputSchema`. */
    readonly jsonSchema?: {
      /** Of what is given. */
      input(options: { readonly target: "draft-2020-12" }): Record<string, unknown>;
    };
  };
}

/** Whether a value looks like a Standard Schema. */
export function isSchema(value: unknown): value is Schema {
  const standard = (value as Schema | undefined)?.["~standard"];
  return typeof standard === "object" && standard !== null && typeof standard.validate === "function";
}

/**
 * The JSON Schema of a Standard Schema, as models read it: of its input, without `$schema`.
 *
 * @param caller - Function to name in the message.
 * @throws {ConfigError} When the library does not write one, or the schema has no JSON form.
 */
export function jsonSchemaOf(caller: string, schema: Schema, own: string): JsonObject {
  const { jsonSchema, vendor } = schema["~standard"];
  if (jsonSchema === undefined) {
    throw new ConfigError({
      message: `${caller}: ${vendor} does not write its schemas as JSON Schema here; pass ${own}`,
      vendor,
    });
  }
  try {
    const { $schema: _, ...written } = jsonSchema.input({ target: "draft-2020-12" });
    return written as JsonObject;
  } catch (cause) {
    throw new ConfigError({
      message: `${caller}: the schema has no JSON form: ${(cause as Error).message}; change it, or pass ${own}`,
      cause,
    });
  }
}

const keysOf = ({ path = [] }: SchemaIssue): PropertyKey[] =>
  path.map((step) => (typeof step === "object" ? step.key : step));

const pathOf = (keys: readonly PropertyKey[]): string =>
  keys.reduce<string>(
    (path, key) => (typeof key === "number" ? `${path}[${key}]` : path === "" ? String(key) : `${path}.${String(key)}`),
    "",
  );

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

/** The names of the fields of an object schema. */
const fieldsOf = (schema: JsonObject): string[] => Object.keys((schema["properties"] ?? {}) as object);

/**
 * What is wrong with a value, for a model: path, what was expected and what came. A key at the top that does not exist comes
 * with the nearest that does.
 */
export function describeIssues(issues: readonly SchemaIssue[], value: Json, schema: JsonObject): string {
  const fields = fieldsOf(schema);
  const told = issues.map((issue) => {
    const keys = keysOf(issue);
    const at = keys.length === 0 ? "" : `"${pathOf(keys)}": `;
    const came = valueAt(value, keys);
    const got =
      keys.length === 0 ? "" : `, got ${came === undefined ? "nothing" : excerptOf(JSON.stringify(came), 80)}`;
    return `${at}${issue.message}${got}`;
  });
  const unknown = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const hints = unknown.flatMap((key) => {
    if (fields.includes(key)) return [];
    const near = nearest(key, fields);
    return near === undefined ? [] : [`is "${near}" meant instead of "${key}"?`];
  });
  return excerptOf([...told, ...hints].join("; "), 1500);
}
