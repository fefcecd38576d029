import { ConfigError, type JsonObject } from "@cambium/base";
import * as z from "zod";
import type { AssistantPart, FilePart, Message, TextPart, ToolResultPart } from "../messages/message.ts";
import type { ModelRequest, ToolChoice } from "../messages/request.ts";
import { fileFromWire } from "./files.ts";
import { WIRE } from "./names.ts";
import { partsFromWire } from "./reply-from-wire.ts";

const message = z.looseObject({ role: z.enum(["system", "developer", "user", "assistant", "tool"]) });
const named = z.looseObject({ name: z.string() });
const schema = z.looseObject({
  model: z.string(),
  n: z.literal(1, "only one choice is given: leave it out, or ask several times").nullish(),
  messages: z.array(message).min(1),
  tools: z.array(z.looseObject({ function: named })).nullish(),
  tool_choice: z.union([z.enum(["auto", "none", "required"]), z.looseObject({ function: named })]).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  max_tokens: z.int().positive().nullish(),
  max_completion_tokens: z.int().positive().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  seed: z.number().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});

/** A `/chat/completions` request, read. */
export interface WireRequest {
  readonly model: string;
  readonly request: ModelRequest;
  readonly isStream: boolean;
  readonly includesUsage: boolean;
}

function partsOf(content: unknown): (TextPart | FilePart)[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (content === null || content === undefined) return [];
  if (!Array.isArray(content)) {
    throw new ConfigError({
      message: `messages: content must be a text or a list of parts, got ${JSON.stringify(content).slice(0, 80)}`,
    });
  }
  return content.map((part: JsonObject | null, i) => {
    if (part === null || typeof part !== "object") {
      throw new ConfigError({ message: `messages: content part ${i} must be an object, got ${JSON.stringify(part)}` });
    }
    const file = fileFromWire(part);
    if (file !== undefined) return file;
    if (part["type"] === "text" && typeof part["text"] === "string") return { type: "text", text: part["text"] };
    throw new ConfigError({
      message: `messages: content part ${i} has the unknown type ${JSON.stringify(part["type"])}`,
    });
  });
}

const textIn = (content: unknown): string =>
  partsOf(content)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("");

function toolResult(given: JsonObject, names: ReadonlyMap<string, string>): ToolResultPart {
  const id = String(given["tool_call_id"]);
  const parts = partsOf(given["content"]);
  const isText = parts.every(({ type }) => type === "text");
  return {
    type: "tool-result",
    id,
    name: names.get(id) ?? "unknown",
    output: isText ? textIn(given["content"]) : { parts },
  };
}

/** Messages in this library's form; results of one turn are one message, as they answer one message. */
function messagesFromWire(given: readonly JsonObject[]): Message[] {
  const names = new Map<string, string>();
  const messages: Message[] = [];
  for (const wire of given) {
    const { role, content } = wire;
    if (role === "tool") {
      const result = toolResult(wire, names);
      const last = messages.at(-1);
      if (last?.role === "tool") messages[messages.length - 1] = { role, content: [...last.content, result] };
      else messages.push({ role, content: [result] });
    } else if (role === "assistant") {
      const parts: AssistantPart[] = partsFromWire({ ...wire, content: textIn(content) }, () => "call");
      for (const part of parts) if (part.type === "tool-call") names.set(part.id, part.name);
      messages.push({ role, content: parts });
    } else if (role === "user") {
      messages.push({ role, content: typeof content === "string" ? content : partsOf(content) });
    } else {
      messages.push({ role: "system", content: textIn(content) });
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
    throw new ConfigError({ message: `response_format: ${message}` });
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
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message: said }) => `${path.join(".")}: ${said}`);
    throw new ConfigError({ message: problems.join("; ") });
  }
  const wire = parsed.data;
  const extra = Object.fromEntries(
    Object.entries(wire).filter(([key, value]) => !Object.hasOwn(schema.shape, key) && value !== null),
  ) as JsonObject;
  const choice = wire.tool_choice;
  const format = formatIn(wire.response_format ?? undefined);
  const schemaOf = wire.response_format?.["json_schema"] as
    | { readonly name?: string; readonly schema?: JsonObject }
    | undefined;
  const request: ModelRequest = {
    messages: messagesFromWire(wire.messages as unknown as JsonObject[]),
    ...defined({
      tools: wire.tools?.map(({ function: { name, description, parameters, strict } }) => ({
        name,
        parameters: (parameters ?? { type: "object" }) as JsonObject,
        ...defined({ description: description as string | undefined, strict: strict as boolean | undefined }),
      })),
      toolChoice: (typeof choice === "object" && choice !== null
        ? { tool: choice.function.name }
        : choice) as ToolChoice,
      format:
        format === undefined || format === "text"
          ? undefined
          : defined({ schema: schemaOf?.schema, name: schemaOf?.name }),
      maxTokens: wire.max_completion_tokens ?? wire.max_tokens,
      temperature: wire.temperature,
      topP: wire.top_p,
      topK: wire.top_k,
      presencePenalty: wire.presence_penalty,
      frequencyPenalty: wire.frequency_penalty,
      stop: typeof wire.stop === "string" ? [wire.stop] : wire.stop,
      seed: wire.seed,
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
