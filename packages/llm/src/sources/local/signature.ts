/**
 * Tools as signatures: a JSON Schema in the words of a type, which takes a small part of its tokens. Bounds and patterns are left out:
 * calls are made to fit the whole schema all the same.
 */
import type { Json, JsonObject } from "@cambium/base";
import type { ToolDeclaration } from "../../messages/request.ts";

/** Levels of a schema that are written; below them, and within circles of references, stands "any". */
const DEEPEST = 6;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The schema that a reference within the document means. */
function resolve(reference: Json | undefined, root: JsonObject): Json | undefined {
  if (typeof reference !== "string" || !reference.startsWith("#")) return undefined;
  const keys = reference.slice(1).split("/").slice(1);
  return keys.reduce<Json | undefined>((at, key) => {
    const name = decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~");
    return typeof at === "object" && at !== null && Object.hasOwn(at, name)
      ? (at as Readonly<Record<string, Json>>)[name]
      : undefined;
  }, root);
}

/** A text in one line. */
const inLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/** A remark behind a type. */
const remark = (text: Json | undefined): string =>
  typeof text === "string" && text.trim() !== "" ? ` /* ${inLine(text).replaceAll("*/", "* /")} */` : "";

/** Texts side by side, each once. */
const joined = (texts: readonly string[], sign: string): string => [...new Set(texts)].join(` ${sign} `);

/** The members of an object, in the order of the schema. */
function membersText({ properties, required }: JsonObject, root: JsonObject, depth: number): string[] {
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(isObject(properties) ? properties : {}).map(([name, schema]) => {
    const about = isObject(schema) ? remark(schema["description"]) : "";
    return `${name}${needed.has(name) ? "" : "?"}: ${typeText(schema, root, depth)}${about}`;
  });
}

function objectText(schema: JsonObject, root: JsonObject, depth: number): string {
  const members = membersText(schema, root, depth);
  const { additionalProperties: rest } = schema;
  if (isObject(rest)) members.push(`[name: string]: ${typeText(rest, root, depth)}`);
  return members.length === 0 ? "object" : `{ ${members.join(", ")} }`;
}

function arrayText({ items, prefixItems }: JsonObject, root: JsonObject, depth: number): string {
  if (Array.isArray(prefixItems)) return `[${prefixItems.map((item) => typeText(item, root, depth)).join(", ")}]`;
  const item = typeText(items ?? true, root, depth);
  return /[|& ]/.test(item) && !/^\{.*\}$/.test(item) ? `(${item})[]` : `${item}[]`;
}

function ofType(type: Json, schema: JsonObject, root: JsonObject, depth: number): string {
  if (type === "object") return objectText(schema, root, depth);
  if (type === "array") return arrayText(schema, root, depth);
  if (type === "string") return `string${remark(schema["format"])}`;
  return typeof type === "string" ? type : "any";
}

/** A schema as a type. */
function typeText(schema: Json | undefined, root: JsonObject, depth: number): string {
  if (schema === false) return "never";
  if (!isObject(schema) || depth > DEEPEST) return "any";
  const inside = (each: Json): string => typeText(each, root, depth + 1);
  const { $ref, const: only, enum: some, anyOf, oneOf, allOf, type } = schema;
  if ($ref !== undefined) return typeText(resolve($ref, root), root, depth + 1);
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(some))
    return joined(
      some.map((each) => JSON.stringify(each)),
      "|",
    );
  const choices = anyOf ?? oneOf;
  if (Array.isArray(choices)) return joined(choices.map(inside), "|");
  if (Array.isArray(allOf)) return joined(allOf.map(inside), "&");
  if (Array.isArray(type))
    return joined(
      type.map((each) => ofType(each, schema, root, depth + 1)),
      "|",
    );
  return ofType(type ?? (schema["properties"] === undefined ? null : "object"), schema, root, depth + 1);
}

/**
 * A tool as the signature of a function with its description: `go(room: string): Goes through a door into the next room.`
 */
export function signatureOf({ name, description, parameters }: ToolDeclaration): string {
  const about = description === undefined ? "" : `: ${inLine(description)}`;
  return `${name}(${membersText(parameters, parameters, 0).join(", ")})${about}`;
}
