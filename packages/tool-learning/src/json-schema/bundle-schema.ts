/**
 * Schemas as other programs write them, brought into one form: a JSON Schema of draft 2020-12 that stands alone. References are
 * resolved within their document; what is used once stands where it is used, what is used more often or contains itself stands
 * in `$defs`. So the size never exceeds that of the document, whatever refers to what.
 *
 * @see https://json-schema.org/draft/2020-12, and OpenAPI Specification 3.0.4, §4.7.24 (Schema Object)
 */
import type { Json, JsonObject } from "@cambium/base";
import { excerptOf } from "../tools/hostile.ts";
import { isFit, isObject, KEYWORDS, type KeywordKind, mapSchemas } from "./keywords.ts";

/** What comes of a schema. */
export type BundledSchema =
  | {
      readonly ok: true;
      readonly schema: JsonObject;
      /** What was left out because it cannot be meant, with its place. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly problem: string };

/** How a schema is read. */
export interface BundleOptions {
  /** The document in which references are looked up. @default the schema */
  readonly document?: unknown;
  /** Whether the schema is one of OpenAPI 3.0: `nullable`, bounds that are `true`, and nothing beside a reference counts. @default false */
  readonly isOpenApi30?: boolean;
}

/** Levels of a schema. */
const DEEPEST = 100;

/** Schemas within a schema. */
const MOST = 20_000;

export class Unusable extends Error {}

const fail = (problem: string): never => {
  throw new Unusable(problem);
};

/** What a reference within a document points at. */
function lookUp(document: unknown, reference: string): unknown {
  if (reference === "#" || reference === "") return document;
  if (!reference.startsWith("#/")) {
    return fail(
      reference.startsWith("#")
        ? `the reference "${excerptOf(reference, 100)}" is none by path`
        : `the reference "${excerptOf(reference, 100)}" leads to another document`,
    );
  }
  let at: unknown = document;
  for (const written of reference.slice(2).split("/")) {
    let step = written;
    try {
      step = decodeURIComponent(written);
    } catch {
      // a "%" that is meant as such
    }
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const isThere = typeof at === "object" && at !== null && Object.hasOwn(at, key);
    if (!isThere) return fail(`the reference "${excerptOf(reference, 100)}" leads nowhere`);
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** Follows references that lead to references. */
export function follow(document: unknown, reference: string): { readonly target: unknown; readonly last: string } {
  const seen = new Set<string>();
  let last = reference;
  for (;;) {
    if (seen.has(last)) return fail(`the reference "${excerptOf(reference, 100)}" leads to itself`);
    seen.add(last);
    const target = lookUp(document, last);
    const next = isObject(target) ? target["$ref"] : undefined;
    if (typeof next !== "string" || Object.keys(target as object).length > 1) return { target, last };
    last = next;
  }
}

interface Definition {
  readonly name: string;
  schema: JsonObject | boolean | undefined;
  uses: number;
  isCyclic: boolean;
}

/** The reference of a definition within the new schema. */
const refOf = (name: string): JsonObject => ({ $ref: `#/$defs/${name}` });

class Bundler {
  readonly definitions = new Map<string, Definition>();
  readonly notes: string[] = [];
  readonly document: unknown;
  readonly isOpenApi30: boolean;
  private readonly names = new Set<string>();
  private readonly open = new Set<string>();
  private count = 0;

  constructor(document: unknown, isOpenApi30: boolean) {
    this.document = document;
    this.isOpenApi30 = isOpenApi30;
  }

  private note(path: string, what: string): void {
    if (this.notes.length < 20) this.notes.push(`${what} at "${excerptOf(path, 100) || "the top"}" is left out`);
  }

  private nameFor(reference: string): string {
    const last = reference.split("/").at(-1) ?? "";
    const plain = last.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, 60) || "root";
    let name = reference === "#" ? "root" : plain;
    for (let i = 2; this.names.has(name); i++) name = `${plain}_${i}`;
    this.names.add(name);
    return name;
  }

  private reference(written: string, path: string, depth: number): JsonObject {
    const { target, last } = follow(this.document, written);
    let definition = this.definitions.get(last);
    if (definition === undefined) {
      definition = { name: this.nameFor(last), schema: undefined, uses: 0, isCyclic: false };
      this.definitions.set(last, definition);
      this.open.add(last);
      definition.schema = this.read(target, path, depth + 1);
      this.open.delete(last);
    } else if (this.open.has(last)) definition.isCyclic = true;
    definition.uses += 1;
    return refOf(definition.name);
  }

  /** A schema in the new form. */
  read(given: unknown, path: string, depth = 0): JsonObject | boolean {
    if (typeof given === "boolean") return given;
    if (!isObject(given)) return fail(`there is no schema at "${excerptOf(path, 100)}"`);
    this.count += 1;
    if (depth > DEEPEST) return fail(`the schema is nested deeper than ${DEEPEST} levels`);
    if (this.count > MOST) return fail(`the schema holds more than ${MOST} schemas`);
    const { $ref: reference } = given;
    const isReference = typeof reference === "string";
    const out: Record<string, Json | undefined> = isReference ? { ...this.reference(reference, path, depth) } : {};
    if (isReference && this.isOpenApi30) return out;
    for (const [keyword, value] of Object.entries(this.isOpenApi30 ? modern(given) : given)) {
      const kind = KEYWORDS.get(keyword);
      if (kind === undefined || value === undefined) continue;
      const at = path === "" ? keyword : `${path}.${keyword}`;
      const read = this.keyword(kind, value, at, depth);
      if (read === undefined) this.note(at, `what stands as "${keyword}"`);
      else if (keyword === "items" && Array.isArray(read)) out["prefixItems"] = read;
      else out[keyword] = read;
    }
    if (Array.isArray(given["items"])) {
      const rest = out["additionalItems"];
      delete out["additionalItems"];
      if (rest !== undefined) out["items"] = rest;
    }
    return out;
  }

  private keyword(kind: KeywordKind, value: unknown, path: string, depth: number): Json | undefined {
    const inner = (schema: unknown, key: string): Json => this.read(schema, `${path}.${key}`, depth + 1);
    const isSchema = (schema: unknown): boolean => typeof schema === "boolean" || isObject(schema);
    switch (kind) {
      case "schema":
        return isSchema(value) ? this.read(value, path, depth + 1) : undefined;
      case "items":
        if (Array.isArray(value)) return value.map((schema, i) => inner(schema, String(i)));
        return isSchema(value) ? this.read(value, path, depth + 1) : undefined;
      case "schemas":
        return Array.isArray(value) && value.length > 0
          ? value.map((schema, i) => inner(schema, String(i)))
          : undefined;
      case "schema-map":
        if (!isObject(value)) return undefined;
        return Object.fromEntries(Object.entries(value).map(([key, schema]) => [checkKey(key), inner(schema, key)]));
      case "dependencies":
        if (!isObject(value)) return undefined;
        return Object.fromEntries(
          Object.entries(value).map(([key, each]) => [
            checkKey(key),
            Array.isArray(each) ? (each as Json) : inner(each, key),
          ]),
        );
      default:
        return isFit(kind, value) ? (value as Json) : undefined;
    }
  }
}

const checkKey = (key: string): string => (key === "__proto__" ? fail('a property has the name "__proto__"') : key);

/** A schema of OpenAPI 3.0 with the keywords of JSON Schema. */
function modern(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { nullable, example, ...rest } = given;
  const out: Record<string, unknown> = { ...rest };
  for (const [bound, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ] as const) {
    if (typeof out[exclusive] !== "boolean") continue;
    if (out[exclusive] && out[bound] !== undefined) {
      out[exclusive] = out[bound];
      delete out[bound];
    } else delete out[exclusive];
  }
  if (example !== undefined && out["examples"] === undefined) out["examples"] = [example];
  if (nullable !== true) return out;
  if (typeof out["type"] === "string") out["type"] = [out["type"], "null"];
  if (Array.isArray(out["enum"]) && !out["enum"].includes(null)) out["enum"] = [...(out["enum"] as unknown[]), null];
  return out;
}

/** Puts definitions that are used once and do not contain themselves where they are used. */
function inline(schema: Json, byRef: ReadonlyMap<string, Definition>): Json {
  if (!isObject(schema)) return schema;
  const { $ref: reference, ...rest } = schema as JsonObject;
  const beside = mapSchemas(rest, (inner) => inline(inner, byRef));
  if (typeof reference !== "string") return beside;
  const { uses, isCyclic, schema: pointed } = byRef.get(reference)!;
  if (uses > 1 || isCyclic) return { $ref: reference, ...beside };
  const inner = inline(pointed!, byRef);
  if (Object.keys(beside).length === 0) return inner;
  if (!isObject(inner)) return inner === true ? beside : { ...beside, not: {} };
  const clashes = Object.keys(inner).some((key) => key in beside && !isAnnotation(key));
  if (clashes) return { ...beside, allOf: [...((beside["allOf"] as Json[] | undefined) ?? []), inner as JsonObject] };
  return { ...(inner as JsonObject), ...beside };
}

const isAnnotation = (key: string): boolean => key === "title" || key === "description" || key === "default";

/**
 * Brings a schema into one form.
 *
 * @param given - A schema of any draft from 4 on.
 */
export function bundleSchema(
  given: unknown,
  { document = given, isOpenApi30 = false }: BundleOptions = {},
): BundledSchema {
  try {
    const bundler = new Bundler(document, isOpenApi30);
    const read = bundler.read(given, "");
    checkEndless(read, bundler.definitions);
    const byRef = new Map([...bundler.definitions.values()].map((each) => [refOf(each.name)["$ref"] as string, each]));
    // A reference at the top stands for the whole: what it points at moves there.
    let top = inline(read, byRef);
    while (isObject(top) && typeof top["$ref"] === "string") {
      const { $ref: reference, ...beside } = top as JsonObject;
      const pointed = inline(byRef.get(reference as string)!.schema!, byRef);
      top = { ...(isObject(pointed) ? (pointed as JsonObject) : {}), ...beside };
    }
    if (!isObject(top)) return { ok: false, problem: "the schema is no object" };
    const kept = [...bundler.definitions.values()].filter(({ uses, isCyclic }) => uses > 1 || isCyclic);
    const all = Object.fromEntries(kept.map(({ name, schema }) => [name, inline(schema!, byRef)]));
    const needed = reachable(top as JsonObject, all);
    const $defs = Object.fromEntries(Object.entries(all).filter(([name]) => needed.has(name)));
    const schema = { ...(top as JsonObject), ...(needed.size === 0 ? {} : { $defs }) };
    return { ok: true, schema, notes: bundler.notes };
  } catch (error) {
    if (error instanceof Unusable) return { ok: false, problem: error.message };
    if (error instanceof RangeError) return { ok: false, problem: "the schema is nested too deep" };
    throw error;
  }
}

/** Keywords whose schemas apply to the same value. */
const IN_PLACE = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/** Refuses a schema that contains itself without going into the value: no value could ever be checked by it. */
function checkEndless(schema: Json, definitions: ReadonlyMap<string, Definition>): void {
  const byName = new Map([...definitions.values()].map((each) => [refOf(each.name)["$ref"], each.schema!] as const));
  const done = new Set<Json>();
  const open = new Set<Json>();
  const look = (inner: Json | undefined): void => {
    if (!isObject(inner) || done.has(inner as Json)) return;
    if (open.has(inner as Json)) fail("the schema contains itself without an end");
    open.add(inner as Json);
    const reference = inner["$ref"];
    if (typeof reference === "string") look(byName.get(reference));
    for (const keyword of IN_PLACE) {
      const value = inner[keyword] as Json | undefined;
      for (const each of Array.isArray(value) ? value : [value]) look(each as Json | undefined);
    }
    open.delete(inner as Json);
    done.add(inner as Json);
  };
  look(schema);
  for (const each of byName.values()) look(each);
}

/** Names of the definitions that a schema needs. */
function reachable(schema: JsonObject, definitions: Readonly<Record<string, Json>>): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (inner: Json): Json => {
    if (!isObject(inner)) return inner;
    const reference = inner["$ref"];
    const name = typeof reference === "string" ? reference.replace("#/$defs/", "") : undefined;
    if (name !== undefined && !found.has(name)) {
      found.add(name);
      look(definitions[name]!);
    }
    return mapSchemas(inner as JsonObject, look);
  };
  look(schema);
  return found;
}
