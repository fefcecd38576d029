/**
 * Tools of a service that is described by an OpenAPI document.
 *
 * @see OpenAPI Specification 3.0.4 and 3.1.1, https://spec.openapis.org/oas
 */
import { ConfigError, type Json, type JsonObject } from "@cambium/base";
import type { FilePart } from "@cambium/llm";
import { type Finding, inspectDefinition, isSuspicious, isUsable } from "../imported/inspect-definition.ts";
import { localNames } from "../imported/local-names.ts";
import { bundleSchema, Unusable } from "../json-schema/bundle-schema.ts";
import { schemaOfBundle } from "../json-schema/json-schema.ts";
import { isObject, mapSchemas } from "../json-schema/keywords.ts";
import { defineTool } from "../tools/define-tool.ts";
import type { AnyTool, Effects } from "../tools/tool.ts";
import { readBody } from "./body.ts";
import { callOperation, type Operation } from "./call-operation.ts";
import { chooseSecurity } from "./credentials.ts";
import { type ApiDocument, listOf, type Part, readDocument, resolve, serverUrl } from "./document.ts";
import { checkNames, checkOpenApi, type OpenApiOptions } from "./options.ts";
import { readParameters } from "./parameters.ts";
import { sender } from "./send.ts";

/** What came of a document. */
export interface OpenApiImport {
  readonly tools: readonly AnyTool[];
  /** Operations that are wanted and not offered, with the reason. */
  readonly skipped: readonly {
    readonly operation: string;
    readonly reason: string;
    readonly findings: readonly Finding[];
  }[];
  /** What was found in operations that are offered: what was left out of their schemas. */
  readonly findings: readonly (Finding & { readonly operation: string })[];
  /** Where requests go. */
  readonly server: string;
}

const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"] as const;

interface Found {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly item: Part;
  readonly operation: Part;
}

/** The operations of a document. Ids that stand twice are method and path instead. */
function findOperations(document: ApiDocument): {
  readonly found: readonly Found[];
  readonly broken: readonly string[];
} {
  const found: Found[] = [];
  const broken: string[] = [];
  const ids = new Set<string>();
  for (const [path, given] of Object.entries((document.root["paths"] ?? {}) as Part)) {
    if (path.startsWith("x-")) continue;
    let item: Part;
    try {
      item = resolve(document, given, `the path ${path}`);
    } catch (error) {
      broken.push(`${path}: ${(error as Error).message}`);
      continue;
    }
    for (const method of METHODS) {
      const operation = item[method];
      if (!isObject(operation)) continue;
      const own = operation["operationId"];
      const id = typeof own === "string" && own !== "" && !ids.has(own) ? own : `${method} ${path}`;
      ids.add(id);
      found.push({ id, method, path, item, operation });
    }
  }
  return { found, broken };
}

function isWanted({ id, method, path, operation }: Found, { only = {} }: OpenApiOptions): boolean {
  const { tags, methods, operations } = only;
  const own = listOf(operation["tags"]);
  return (
    (tags === undefined || tags.some((tag) => own.includes(tag))) &&
    (methods === undefined || methods.includes(method)) &&
    (operations === undefined || operations.includes(id) || operations.includes(`${method} ${path}`))
  );
}

/** Without properties that only answers have. */
function withoutReadOnly(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const { properties, required, ...rest } = mapSchemas(schema as JsonObject, withoutReadOnly);
  const isHidden = (name: string): boolean =>
    isObject(properties) && (properties as Record<string, { readOnly?: unknown }>)[name]?.readOnly === true;
  const kept = isObject(properties) ? Object.entries(properties).filter(([name]) => !isHidden(name)) : undefined;
  const names = listOf(required).filter((name) => !isHidden(String(name))) as string[];
  return {
    ...rest,
    ...(kept === undefined ? {} : { properties: Object.fromEntries(kept) as JsonObject }),
    ...(names.length === 0 ? {} : { required: names }),
  } as JsonObject;
}

const described = (schema: unknown, description: string | undefined): unknown =>
  description === undefined || typeof schema === "boolean" ? schema : { allOf: [schema], description };

/** One schema of all arguments. */
function inputSchemaOf(
  document: ApiDocument,
  { parameters, body }: Pick<Operation, "parameters" | "body">,
): JsonObject {
  const parts = [
    ...parameters.map((each) => [each.argument, each.schema, each.description, each.required] as const),
    ...(body === undefined ? [] : [[body.argument, body.schema, body.description, body.required] as const]),
  ];
  const properties: Record<string, Json> = {};
  const $defs: Record<string, Json> = {};
  for (const [argument, schema, description] of parts) {
    const bundled = bundleSchema(described(schema, description), {
      document: document.root,
      isOpenApi30: document.isOpenApi30,
    });
    if (!bundled.ok) throw new Unusable(`the schema of "${argument}": ${bundled.problem}`);
    const { $defs: own = {}, ...rest } = bundled.schema;
    const renamed = rename(rest, own as JsonObject, $defs);
    properties[argument] = body?.argument === argument ? withoutReadOnly(renamed) : renamed;
  }
  const required = parts.filter(([, , , isRequired]) => isRequired).map(([argument]) => argument);
  return {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...(Object.keys($defs).length === 0 ? {} : { $defs }),
  };
}

/** Moves definitions into shared ones, under names that are free there. */
function rename(schema: JsonObject, own: JsonObject, shared: Record<string, Json>): JsonObject {
  const names = new Map<string, string>();
  for (const name of Object.keys(own)) {
    let free = name;
    for (let i = 2; Object.hasOwn(shared, free) || [...names.values()].includes(free); i++) free = `${name}_${i}`;
    names.set(name, free);
  }
  const change = (inner: Json): Json => {
    if (!isObject(inner)) return inner;
    const reference = inner["$ref"];
    const moved = mapSchemas(inner as JsonObject, change);
    return typeof reference === "string"
      ? { ...moved, $ref: `#/$defs/${names.get(reference.replace("#/$defs/", ""))}` }
      : moved;
  };
  for (const [name, definition] of Object.entries(own))
    shared[names.get(name)!] = withoutReadOnly(change(definition as Json));
  return change(schema) as JsonObject;
}

/** Flattens `allOf` of one schema, which only carries a description. */
function flatten(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const inner = mapSchemas(schema as JsonObject, flatten);
  const { allOf, ...rest } = inner;
  if (!Array.isArray(allOf) || allOf.length !== 1 || !isObject(allOf[0])) return inner;
  const [only] = allOf as JsonObject[];
  const isFree = Object.keys(rest).every((key) => key === "description" || !(key in only!));
  return isFree ? { ...only, ...rest } : inner;
}

function readOperation(
  document: ApiDocument,
  { method, path, item, operation }: Found,
  options: OpenApiOptions,
  base: string,
): Operation {
  const security = chooseSecurity(document, operation, options.credentials ?? {});
  if (!security.ok) throw new Unusable(`it needs credentials for ${security.missing}`);
  const own = listOf(operation["servers"] ?? item["servers"])[0];
  const ownUrl = options.server === undefined && own !== undefined ? serverUrl(own, options.documentUrl) : base;
  if (ownUrl === undefined || new URL(ownUrl).origin !== new URL(base).origin) {
    throw new Unusable(`it is at another server than the rest: ${JSON.stringify(own)}`);
  }
  const parameters = readParameters(document, item, operation);
  const named = [...path.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!);
  const lost = named.find((name) => !parameters.some((each) => each.place === "path" && each.name === name));
  if (lost !== undefined) throw new Unusable(`its path has {${lost}}, which is no parameter`);
  const body = method === "get" || method === "head" ? undefined : readBody(document, operation);
  const argument = parameters.some((each) => each.argument === "body") ? "request_body" : "body";
  return {
    ...{ method, path, base: ownUrl.replace(/[/?#]+$/, ""), parameters, security: security.security },
    body: body === undefined ? undefined : { ...body, argument },
    headers: options.headers ?? {},
  };
}

function descriptionOf({ operation, method, path }: Found): string {
  const told = [operation["summary"], operation["description"]].filter(
    (text) => typeof text === "string" && text.trim() !== "",
  );
  const text = told.length === 0 ? `${method.toUpperCase()} ${path}` : [...new Set(told)].join("\n\n");
  return operation["deprecated"] === true ? `${text}\n\nDeprecated.` : text;
}

const effectsOf = (
  { id, method, path }: Found,
  { effects = {} }: OpenApiOptions,
): { readonly effects: Effects; readonly idempotent?: boolean } => {
  const said = [id, `${method} ${path}`].find((key) => Object.hasOwn(effects, key));
  const isRead = method === "get" || method === "head" || method === "options";
  const what = said === undefined ? (isRead ? "reads" : "destroys") : effects[said]!;
  const isIdempotent = method === "put" || method === "delete";
  return { effects: what, ...(isIdempotent && (what === "writes" || what === "destroys") ? { idempotent: true } : {}) };
};

/**
 * Tools of the operations of a document. Arguments are the parameters by name and the body as `body`; requests go to one origin,
 * to private addresses only if `server` names one, and no redirect leads elsewhere.
 *
 * @param document - OpenAPI 3.0 or 3.1, as JSON or YAML, or what came of it. References within it may lead in circles.
 * @throws {ConfigError} When options cannot be meant, or name what the document does not have.
 * @throws {FormatError} When the document is none of OpenAPI 3.
 * @example
 * const { tools, skipped } = openApiTools(await readFile("petstore.yaml", "utf8"), { name: "pets", server: "https://pets.example/v1", credentials: { key } });
 */
export function openApiTools(document: string | object, options: OpenApiOptions): OpenApiImport {
  checkOpenApi(options);
  const read = readDocument(document);
  const base = options.server ?? serverUrl(listOf(read.root["servers"])[0], options.documentUrl);
  if (base === undefined || !/^https?:/.test(base)) {
    throw new ConfigError({
      message: "openApiTools: the document does not say where the service is; pass server",
      key: "server",
    });
  }
  const { found, broken } = findOperations(read);
  const known = new Set(found.flatMap(({ id, method, path }) => [id, `${method} ${path}`]));
  checkNames("only", options.only?.operations ?? [], known);
  checkNames("effects", Object.keys(options.effects ?? {}), known);
  checkNames(
    "only",
    options.only?.tags ?? [],
    new Set(found.flatMap(({ operation }) => listOf(operation["tags"]).map(String))),
  );
  const wanted = found.filter((each) => isWanted(each, options));
  const names = localNames(
    options.name,
    wanted.map(({ id }) => id),
  );
  const send = sender(options.server === undefined);
  const tools: AnyTool[] = [];
  const skipped: OpenApiImport["skipped"][number][] = broken.map((reason) => ({
    operation: reason.split(":")[0]!,
    reason,
    findings: [],
  }));
  const findings: OpenApiImport["findings"][number][] = [];
  for (const each of wanted) {
    const localName = names.get(each.id)!;
    try {
      const operation = readOperation(read, each, options, base);
      const inputSchema = flatten(inputSchemaOf(read, operation)) as JsonObject;
      const inspected = inspectDefinition({ name: each.id, description: descriptionOf(each), inputSchema });
      const isLeftOut =
        isSuspicious(inspected.findings) &&
        options.approve?.({ operation: each.id, localName, findings: inspected.findings }) !== true;
      if (isLeftOut || !isUsable(inspected.findings)) {
        const worst = inspected.findings.find(({ kind }) => kind !== "note")!;
        skipped.push({ operation: each.id, reason: `${worst.at}: ${worst.message}`, findings: inspected.findings });
        continue;
      }
      findings.push(...inspected.findings.map((finding) => ({ ...finding, operation: each.id })));
      const files = new WeakMap<object, readonly FilePart[]>();
      const outputBytes = options.limits?.outputBytes ?? 256 * 1024;
      tools.push(
        defineTool<JsonObject, Json>({
          name: localName,
          description: inspected.description,
          input: schemaOfBundle(inspected.inputSchema),
          inputSchema: inspected.inputSchema,
          ...effectsOf(each, options),
          category: options.name,
          ...(options.limits === undefined ? {} : { limits: options.limits }),
          async run(input, { signal }) {
            const reply = await callOperation(operation, input, send, { signal, limitBytes: outputBytes });
            if (typeof reply.value === "object" && reply.value !== null) files.set(reply.value, reply.files);
            return reply.value;
          },
          files: (value) => files.get(Object(value)) ?? [],
        }),
      );
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      skipped.push({ operation: each.id, reason: error.message, findings: [] });
    }
  }
  return { tools, skipped, findings, server: base };
}
