import { ConfigError, type Json, type JsonObject } from "@cambium/base";
import { type Schema as CheckedSchema, Validator } from "@cfworker/json-schema";
import type { Schema, SchemaIssue, SchemaResult } from "../tools/schema.ts";
import { bundleSchema } from "./bundle-schema.ts";
import { isObject, mapSchemas } from "./keywords.ts";

/** Issues of one value that are told. */
const MOST_ISSUES = 10;

/** Keywords whose failure only says that something below failed. */
const ABOVE: ReadonlySet<string> = new Set([
  ..."$ref allOf properties items prefixItems additionalProperties unevaluatedProperties then else dependentSchemas".split(
    " ",
  ),
]);

/**
 * The schema without what only whoever wrote it can check safely: regular expressions of a stranger may take forever, and
 * formats mean different things to different programs.
 */
function checkable(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const { pattern: _, format: __, patternProperties, ...rest } = schema as JsonObject;
  const known = mapSchemas(rest, checkable);
  if (patternProperties === undefined) return known;
  // With names by pattern it is not known here which properties are additional.
  const { additionalProperties: ___, unevaluatedProperties: ____, ...open } = known;
  return open;
}

interface Unit {
  readonly keyword: string;
  readonly keywordLocation: string;
  readonly instanceLocation: string;
  readonly error: string;
}

const keysOf = (pointer: string): (string | number)[] =>
  pointer
    .split("/")
    .slice(1)
    .map((key) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key));

const inAlternative = ({ keywordLocation }: Unit): boolean => /\/(anyOf|oneOf|not|if|contains)\//.test(keywordLocation);

function messageOf({ keyword, error }: Unit): string {
  if (keyword === "false") return "must not be there";
  if (keyword === "anyOf") return "fits none of the alternatives";
  if (keyword === "oneOf") return /match/i.test(error) ? error : "must fit exactly one of the alternatives";
  return error.replace(/^Instance /, "it ").replace(/\.$/, "");
}

function issuesOf(units: readonly Unit[]): readonly SchemaIssue[] {
  const leaves = units.filter((unit) => !ABOVE.has(unit.keyword) && !inAlternative(unit));
  const told = leaves.length === 0 ? units : leaves;
  return told.slice(0, MOST_ISSUES).map((unit) => ({ message: messageOf(unit), path: keysOf(unit.instanceLocation) }));
}

/** A Standard Schema of a JSON Schema that stands alone, as `bundleSchema` gives it. */
export function schemaOfBundle(bundled: JsonObject): Schema<unknown, JsonObject> {
  const validator = new Validator(checkable(bundled) as CheckedSchema, "2020-12", false);
  function validate(value: unknown): SchemaResult<JsonObject> {
    try {
      const { valid, errors } = validator.validate(value);
      return valid ? { value: value as JsonObject } : { issues: issuesOf(errors as readonly Unit[]) };
    } catch (thrown) {
      if (thrown instanceof RangeError) return { issues: [{ message: "it is nested too deep" }] };
      throw thrown;
    }
  }
  return {
    "~standard": { version: 1, vendor: "cambium", validate, jsonSchema: { input: () => bundled } },
  };
}

/**
 * A Standard Schema of a JSON Schema, for tools whose schemas are not written with a library. No code is made of the schema.
 * Values are checked by every keyword except `pattern`, `patternProperties` and `format`, which are shown to the model and left
 * to the tool: a regular expression of a stranger can take forever.
 *
 * @param schema - JSON Schema, draft 4 to 2020-12. References stay within it; they may lead in circles.
 * @throws {ConfigError} When it cannot be used: a reference that leads nowhere or to another document, a keyword that holds
 *   something else than it must.
 * @example
 * const greet = defineTool({ name: "greet", description: "Greets.", input: jsonSchema({ type: "object", properties: { who: { type: "string" } } }), effects: "none", run: ({ who }) => `Hello, ${who}` });
 */
export function jsonSchema(schema: JsonObject): Schema<unknown, JsonObject> {
  const bundled = bundleSchema(schema);
  if (!bundled.ok) throw new ConfigError({ message: `jsonSchema: ${bundled.problem}` });
  if (bundled.notes.length > 0) {
    throw new ConfigError({
      message: `jsonSchema: a keyword holds something else than it must: ${bundled.notes.join("; ").replaceAll(" is left out", "")}`,
    });
  }
  return schemaOfBundle(bundled.schema);
}
