/** What is looked at before a tool of somebody else is shown to a model. */
import type { Json, JsonObject } from "@cambium/base";
import { bundleSchema } from "../json-schema/bundle-schema.ts";
import { excerptOf } from "../tools/hostile.ts";
import { showText } from "./hidden-text.ts";
import { signsOf } from "./instructions.ts";

/** What was found in the definition of a tool. */
export interface Finding {
  /**
   * - `hidden`: characters that nobody sees; they were taken out
   * - `instructions`: signs that the text speaks to the model
   * - `unusable`: the tool cannot be offered, whoever approves it
   * - `note`: something was left out that cannot be meant
   */
  readonly kind: "hidden" | "instructions" | "unusable" | "note";
  /** The place in the definition, such as `inputSchema.properties.path.description`. */
  readonly at: string;
  readonly message: string;
}

/** A tool as somebody else defines it. */
export interface ForeignDefinition {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly inputSchema: unknown;
  readonly outputSchema?: unknown;
  readonly annotations?: JsonObject;
}

/** A definition that was looked at. */
export interface Inspected {
  /** What the model may be shown: without hidden characters, with schemas that stand alone. */
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema: JsonObject | undefined;
  readonly findings: readonly Finding[];
}

/** Longest definition. Characters of JSON. */
const LONGEST = 128 * 1024;

/** Findings of one tool that are told. */
const MOST_FINDINGS = 30;

/** Texts of a value, keys too, with their places. */
function* textsOf(value: unknown, at: string, depth = 0): Generator<readonly [at: string, text: string]> {
  if (depth > 200) return;
  if (typeof value === "string") yield [at, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const place = Array.isArray(value) ? `${at}[${key}]` : `${at}.${key}`;
    if (!Array.isArray(value)) yield [`${place} (its name)`, key];
    yield* textsOf(inner, place, depth + 1);
  }
}

/** A value without hidden characters, keys too. */
function shown(value: Json): Json {
  if (typeof value === "string") return showText(value).text;
  if (Array.isArray(value)) return value.map((each) => shown(each as Json));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, inner]) => [showText(key).text, shown(inner as Json)]),
  ) as JsonObject;
}

function inspectText(at: string, text: string, isMeant: boolean): readonly Finding[] {
  const { text: plain, hidden, spelt } = showText(text);
  const found: Finding[] = [];
  if (hidden.length > 0) {
    const says = spelt === "" ? "" : `, which spell "${excerptOf(spelt, 200)}"`;
    found.push({ kind: "hidden", at, message: `hidden characters ${hidden.slice(0, 8).join(", ")}${says}` });
  }
  const said = [...(isMeant ? signsOf(plain) : []), ...(spelt === "" ? [] : signsOf(spelt))];
  for (const { what, excerpt } of said) {
    found.push({ kind: "instructions", at, message: `it ${what}: "${excerptOf(excerpt, 200)}"` });
  }
  return found;
}

function readSchema(at: "inputSchema" | "outputSchema", given: unknown, findings: Finding[]): JsonObject | undefined {
  const bundled = bundleSchema(given);
  if (!bundled.ok) {
    // A tool can be called without a schema of what it returns.
    const isNeeded = at === "inputSchema";
    const message = isNeeded ? bundled.problem : `${bundled.problem}; results are not checked by it`;
    findings.push({ kind: isNeeded ? "unusable" : "note", at, message });
    return undefined;
  }
  for (const note of bundled.notes) findings.push({ kind: "note", at, message: note });
  return shown(bundled.schema) as JsonObject;
}

/** An input schema as providers take it: of an object, with properties. */
function objectSchema(schema: JsonObject, findings: Finding[]): JsonObject {
  const { type } = schema;
  if (type !== undefined && type !== "object") {
    findings.push({
      kind: "unusable",
      at: "inputSchema",
      message: `its type is ${JSON.stringify(type)}, not "object"`,
    });
  }
  return { ...schema, type: "object", properties: schema["properties"] ?? {} };
}

/** Looks at a definition: its texts, its schemas, its size. */
export function inspectDefinition(definition: ForeignDefinition): Inspected {
  const { name, description = "", title, inputSchema, outputSchema, annotations } = definition;
  const size = sizeOf(definition);
  const none = { type: "object", properties: {} };
  if (size > LONGEST) {
    const message = `the definition has ${Number.isFinite(size) ? `${size} characters, ${LONGEST} are the most` : "no JSON form"}`;
    return {
      description: "",
      inputSchema: none,
      outputSchema: undefined,
      findings: [{ kind: "unusable", at: "", message }],
    };
  }
  const findings: Finding[] = [];
  const texts = { name, title, description, inputSchema, outputSchema, annotations };
  for (const [key, value] of Object.entries(texts)) {
    for (const [at, text] of textsOf(value, key)) {
      // A pattern or an identifier is no prose.
      const isProse = !/(?:\.pattern|\.\$ref|\.format)$/.test(at);
      findings.push(...inspectText(at, text, isProse));
    }
  }
  const input = readSchema("inputSchema", inputSchema, findings);
  const output = outputSchema === undefined ? undefined : readSchema("outputSchema", outputSchema, findings);
  const told = showText(description).text.trim();
  return {
    description: told === "" ? showText(title ?? name).text : told,
    inputSchema: input === undefined ? none : objectSchema(input, findings),
    outputSchema: output,
    findings: findings.slice(0, MOST_FINDINGS),
  };
}

function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Whether a person has to look before the tool is offered. */
export const isSuspicious = (findings: readonly Finding[]): boolean =>
  findings.some(({ kind }) => kind === "hidden" || kind === "instructions");

/** Whether the tool can be offered at all. */
export const isUsable = (findings: readonly Finding[]): boolean => findings.every(({ kind }) => kind !== "unusable");
