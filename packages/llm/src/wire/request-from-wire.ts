import { type JsonObject, nearest } from "@cambium/base";
import * as z from "zod";
import type { AssistantPart, FilePart, Message, TextPart, ToolResultPart } from "../messages/message.ts";
import type { ModelRequest, ToolChoice, ToolDeclaration } from "../messages/request.ts";
import { fileFromWire } from "./files.ts";
import { WIRE } from "./names.ts";
import { parseBody, wrongField } from "./problems.ts";
import { partsFromWire } from "./reply-from-wire.ts";
import { samplingFields, samplingOf } from "./sampling-fields.ts";

const roles = ["system", "developer", "user", "assistant", "tool"] as const;
const message = z.looseObject({ role: z.enum(roles, `must be one of ${roles.join(", ")}`) });
const named = z.looseObject({ name: z.string().min(1, "a tool needs a name") });
const toolsSchema = z.array(
  z.looseObject({
    type: z.literal("function", "only tools of the type function can be called").optional(),
    function: named.extend({
      description: z.string().nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
);
const schema = z.looseObject({
  ...samplingFields,
  messages: z.array(message).min(1, "a conversation needs at least one message"),
  tools: toolsSchema.nullish(),
  tool_choice: z
    .union(
      [z.enum(["auto", "none", "required"]), z.looseObject({ function: named })],
      'must be "auto", "none", "required" or { "type": "function", "function": { "name": … } }',
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
});

/** Fields that this library has no words for, but sources do. */
const PASSED = ["min_p", "repetition_penalty", "parallel_tool_calls", "logprobs", "top_logprobs"];

/** A `/chat/completions` request, read. */
export interface WireRequest {
  readonly model: string;
  readonly request: ModelRequest;
  readonly isStream: boolean;
  readonly includesUsage: boolean;
}

/** The parts of a content, which stands at a place in the request. */
function partsOf(content: unknown, place: string): (TextPart | FilePart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) {
    throw wrongField(place, `content must be a text or a list of parts, got ${JSON.stringify(content)?.slice(0, 80)}`);
  }
  return content.map((part: JsonObject | null, i) => partOf(part, `${place}[${i}]`));
}

function partOf(part: JsonObject | null, place: string): TextPart | FilePart {
  if (part === null || typeof part !== "object") {
    throw wrongField(place, `a part of a content must be an object, got ${JSON.stringify(part)}`);
  }
  const { type, text, refusal } = part;
  if (type === "text" && typeof text === "string") return { type, text };
  if (type === "refusal" && typeof refusal === "string") return { type: "text", text: refusal };
  let file: FilePart | undefined;
  try {
    file = fileFromWire(part);
  } catch {
    throw wrongField(place, "a file needs an address or bytes");
  }
  if (file !== undefined) return file;
  throw wrongField(place, `the part is of the unknown type ${JSON.stringify(type)}, or lacks its text`);
}

const textIn = (content: unknown, place: string): string =>
  partsOf(content, place)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("");

function toolResult(given: JsonObject, names: ReadonlyMap<string, string>, place: string): ToolResultPart {
  const { tool_call_id: id, content } = given;
  if (typeof id !== "string") throw wrongField(`${place}.tool_call_id`, "a result needs the id of its call");
  const name = names.get(id);
  if (name === undefined)
    throw wrongField(`${place}.tool_call_id`, `no call before it has the id ${JSON.stringify(id)}`);
  const parts = partsOf(content, `${place}.content`);
  const isText = parts.every(({ type }) => type === "text");
  return {
    type: "tool-result",
    id,
    name,
    output: isText ? textIn(content, place) : { parts },
  };
}

/** What the assistant said; with calls there may be no text. */
function assistantParts(wire: JsonObject, place: string): AssistantPart[] {
  const { content } = wire;
  const text = content === undefined || content === null ? "" : textIn(content, `${place}.content`);
  try {
    return partsFromWire({ ...wire, content: text }, () => "call");
  } catch (cause) {
    throw wrongField(place, (cause as Error).message.replace(/^openai: /, ""));
  }
}

/** Messages in this library's form; results of one turn are one message, as they answer one message. */
function messagesFromWire(given: readonly JsonObject[]): Message[] {
  const names = new Map<string, string>();
  const messages: Message[] = [];
  for (const [i, wire] of given.entries()) {
    const { role, content } = wire;
    const place = `messages[${i}]`;
    if (role !== "tool" && wire["name"] !== undefined && wire["name"] !== null) {
      throw wrongField(`${place}.name`, "who speaks is not passed on: write the name into the content");
    }
    if (role === "tool") {
      const result = toolResult(wire, names, place);
      const last = messages.at(-1);
      if (last?.role === "tool") messages[messages.length - 1] = { role, content: [...last.content, result] };
      else messages.push({ role, content: [result] });
    } else if (role === "assistant") {
      const parts = assistantParts(wire, place);
      for (const part of parts) if (part.type === "tool-call") names.set(part.id, part.name);
      messages.push({ role, content: parts });
    } else if (role === "user") {
      messages.push({ role, content: typeof content === "string" ? content : partsOf(content, `${place}.content`) });
    } else {
      messages.push({ role: "system", content: textIn(content, `${place}.content`) });
    }
  }
  return messages;
}

function defined<T extends object>(fields: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as { [Key in keyof T]?: NonNullable<T[Key]> };
}

/** The kind of a reply's format, where it is one that is known and has what it needs. */
function formatIn(
  given: Readonly<Record<string, unknown>> | undefined,
): "text" | "json_object" | "json_schema" | undefined {
  if (given === undefined) return undefined;
  const { type, schema: misplaced, json_schema: named } = given;
  const wrong = (message: string): never => {
    throw wrongField("response_format", message);
  };
  if (type !== "text" && type !== "json_object" && type !== "json_schema") {
    return wrong(`type must be "text", "json_object" or "json_schema", got ${JSON.stringify(type)}`);
  }
  if (misplaced !== undefined) return wrong('a schema stands under json_schema.schema, with the type "json_schema"');
  const schemaOf = (named as { readonly schema?: unknown } | null | undefined)?.schema;
  if (type === "json_schema" && (typeof schemaOf !== "object" || schemaOf === null)) {
    return wrong("json_schema needs a schema, an object");
  }
  return type;
}

/**
 * The body of a `/chat/completions` request in this library's form. Fields that it has no words for are in `provider`, under `openai`.
 *
 * @throws {ConfigError} When it is none; names what is wrong.
 */
export function requestFromWire(body: unknown): WireRequest {
  const wire = parseBody(schema, body);
  const extra = Object.fromEntries(
    Object.entries(wire).filter(
      ([key, value]) => value !== null && (PASSED.includes(key) || !Object.hasOwn(schema.shape, key)),
    ),
  ) as JsonObject;
  const format = formatIn(wire.response_format ?? undefined);
  const schemaOf = wire.response_format?.["json_schema"] as
    | { readonly name?: string; readonly schema?: JsonObject }
    | undefined;
  const tools = toolsIn(wire.tools ?? undefined);
  const request: ModelRequest = {
    messages: messagesFromWire(wire.messages as unknown as JsonObject[]),
    ...samplingOf({ ...wire, max_tokens: wire.max_completion_tokens ?? wire.max_tokens }),
    ...defined({
      tools,
      toolChoice: choiceIn(wire.tool_choice ?? undefined, tools ?? []),
      format:
        format === undefined || format === "text"
          ? undefined
          : defined({ schema: schemaOf?.schema, name: schemaOf?.name }),
      provider: Object.keys(extra).length === 0 ? undefined : { [WIRE]: extra },
    }),
  };
  return {
    model: wire.model,
    request,
    isStream: wire.stream === true,
    includesUsage: wire.stream_options?.include_usage === true,
  };
}

/** Throws for a part of a declaration that nobody reads: with `paramters` for `parameters`, arguments would be anything. */
function checkDeclaration(others: Readonly<Record<string, unknown>>, place: string, known = DECLARED): void {
  const strange = Object.keys(others).find((key) => ![null, undefined, false].includes(others[key] as null));
  if (strange === undefined) return;
  const near = nearest(strange, known);
  throw wrongField(
    `${place}.${strange}`,
    `a tool has no such field${near === undefined ? "" : `; is "${near}" meant?`}`,
  );
}

/** What a declaration without parameters means in the format. */
const NO_PARAMETERS = { type: "object", properties: {}, additionalProperties: false };

const DECLARED = ["name", "description", "parameters", "strict"];

function toolsIn(given: z.infer<typeof toolsSchema> | undefined): ToolDeclaration[] | undefined {
  const names = new Set<string>();
  return given?.map(({ type: _, function: { name, description, parameters, strict, ...others }, ...beside }, i) => {
    checkDeclaration(beside, `tools[${i}]`, ["type", "function"]);
    checkDeclaration(others, `tools[${i}].function`);
    if (names.has(name)) throw wrongField(`tools[${i}].function.name`, `two tools are called "${name}"`);
    names.add(name);
    return {
      name,
      parameters: (parameters ?? NO_PARAMETERS) as JsonObject,
      ...defined({ description, strict }),
    };
  });
}

function choiceIn(
  given: "auto" | "none" | "required" | { readonly function: { readonly name: string } } | undefined,
  tools: readonly ToolDeclaration[],
): ToolChoice | undefined {
  if (given === "required" && tools.length === 0)
    throw wrongField("tool_choice", "a tool must be called, and there is none");
  if (typeof given !== "object") return given;
  const { name } = given.function;
  if (tools.some((tool) => tool.name === name)) return { tool: name };
  throw wrongField("tool_choice", `wants "${name}", and no such tool is declared`);
}
