import type { Json } from "@cambium/base";
import type { ToolTest } from "./tool-test.ts";

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const distinct = (values: readonly Json[]): Json[] => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
];

/** A JSON Schema that all of these values keep, no wider than it has to be in types; bounds are not guessed. */
export function schemaOf(values: readonly Json[]): Json {
  const schemas: Json[] = [];
  const numbers = values.filter((value) => typeof value === "number" || (isObject(value) && "$number" in value));
  if (numbers.length > 0) schemas.push({ type: numbers.every(Number.isInteger) ? "integer" : "number" });
  if (values.some((value) => typeof value === "string")) schemas.push({ type: "string" });
  if (values.some((value) => typeof value === "boolean")) schemas.push({ type: "boolean" });
  if (values.includes(null)) schemas.push({ type: "null" });
  const lists = values.filter((value) => Array.isArray(value)) as (readonly Json[])[];
  if (lists.length > 0) schemas.push({ type: "array", items: schemaOf(lists.flat()) });
  const objects = values.filter((value) => isObject(value) && !("$number" in value)) as {
    readonly [key: string]: Json;
  }[];
  if (objects.length > 0) {
    const keys = [...new Set(objects.flatMap(Object.keys))];
    const properties = keys.map((key) => [
      key,
      schemaOf(objects.flatMap((value) => (Object.hasOwn(value, key) ? [value[key]!] : []))),
    ]);
    schemas.push({
      type: "object",
      properties: Object.fromEntries(properties) as { readonly [key: string]: Json },
      required: keys.filter((key) => objects.every((value) => Object.hasOwn(value, key))),
    });
  }
  return schemas.length === 1 ? schemas[0]! : schemas.length === 0 ? {} : { anyOf: schemas };
}

/** Name of a parameter as written: without its default, type and rest mark; by number where it is a pattern. */
export function parameterName(parameter: string, index: number): string {
  return /^(?:\.\.\.|\*{1,2})?\s*([A-Za-z_$][\w$]*)/.exec(parameter)?.[1] ?? `argument${index + 1}`;
}

/** Schemas of arguments and result, as the tests show them. */
export function schemasFromTests(
  parameters: readonly string[],
  tests: readonly ToolTest[],
): { readonly input: Json; readonly output: Json } {
  const given = parameters.map((parameter, i) => {
    const values = tests.flatMap(({ args }) => (args.length > i ? [args[i]!] : []));
    return {
      name: parameterName(parameter, i),
      schema: schemaOf(values),
      isRequired: tests.length === 0 || values.length === tests.length,
    };
  });
  return {
    input: {
      type: "object",
      properties: Object.fromEntries(given.map(({ name, schema }) => [name, schema])),
      required: distinct(given.filter(({ isRequired }) => isRequired).map(({ name }) => name)),
      additionalProperties: false,
    },
    output: schemaOf(tests.flatMap(({ expected }) => (expected === undefined ? [] : [expected]))),
  };
}

/** Number and kinds of the arguments: tools of other signatures cannot be the same. */
export function signatureOf(parameters: readonly string[], tests: readonly ToolTest[]): string {
  const kinds = parameters.map((_, i) => {
    const schema = schemaOf(tests.flatMap(({ args }) => (args.length > i ? [args[i]!] : []))) as {
      readonly type?: string;
    };
    return schema.type === "integer" ? "number" : (schema.type ?? "any");
  });
  return kinds.join(",");
}
