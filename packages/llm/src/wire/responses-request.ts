/** Requests of the newer of OpenAI's two formats for conversations, `/responses`, in the words of the older one. */
import { ConfigError, type JsonObject } from "@cambium/base";
import * as z from "zod";
import { ModelError } from "../errors.ts";
import { parseBody, wrongField } from "./problems.ts";
import { requestFromWire, type WireRequest } from "./request-from-wire.ts";

const absent = (told: string): z.ZodOptional<z.ZodNull> => z.null(told).optional();
const kept = "this server keeps no responses: send the whole conversation as input";
const functions = "only tools of the type function can be called";

/** Fields that are written differently here than in `/chat/completions`; others are the same. */
const schema = z.looseObject({
  input: z
    .union([z.string(), z.array(z.record(z.string(), z.unknown()))], "must be a text or a list of items")
    .nullish(),
  instructions: z.string("must be a text").nullish(),
  max_output_tokens: z.int().positive().nullish(),
  tools: z.array(z.looseObject({ type: z.literal("function", functions), name: z.string().min(1) })).nullish(),
  tool_choice: z
    .union(
      [z.enum(["auto", "none", "required"]), z.looseObject({ type: z.literal("function"), name: z.string() })],
      'must be "auto", "none", "required" or { "type": "function", "name": … }',
    )
    .nullish(),
  text: z
    .strictObject({ format: z.looseObject({ type: z.string() }).nullish(), verbosity: z.string().nullish() })
    .nullish(),
  include: z
    .array(z.literal("message.output_text.logprobs", "only message.output_text.logprobs can be included"))
    .nullish(),
  truncation: z.literal("disabled", 'nothing is cut from a conversation: only "disabled" is possible').nullish(),
  background: z.literal(false, "nothing runs in the background").nullish(),
  store: z.literal(false, "this server keeps no responses: leave it out, or set it to false").nullish(),
  reasoning: z
    .strictObject({ effort: z.literal("none").nullish(), summary: absent("no summary is made").nullish() })
    .nullish(),
  previous_response_id: absent(kept),
  conversation: absent(kept),
  prompt: absent("there are no stored prompts"),
  messages: absent("is called input here"),
  response_format: absent("is called text.format here"),
  max_tokens: absent("is called max_output_tokens here"),
  max_completion_tokens: absent("is called max_output_tokens here"),
});

/** Fields of {@link schema} that the older format has no words for, and that have been looked at here. */
const READ = [
  "input",
  "instructions",
  "max_output_tokens",
  "text",
  "include",
  "truncation",
  "background",
  "store",
  "reasoning",
  "previous_response_id",
  "conversation",
  "prompt",
  "max_tool_calls", // of tools that a server has itself
];

/** A `/responses` request, read. */
export interface ResponsesRequest extends Omit<WireRequest, "includesUsage"> {
  /** What a response repeats of its request. */
  readonly echo: JsonObject;
  /** The error with its fields named as they are in this format. */
  renamed(error: unknown): unknown;
}

/** A message of the older format, and where it stands in the request. */
interface Placed {
  readonly message: JsonObject;
  readonly place: string;
}

/** Kinds of parts that are written differently. */
function partToChat(part: unknown, place: string): JsonObject {
  if (typeof part !== "object" || part === null) throw wrongField(place, "a part of a content must be an object");
  const { type, text, refusal, image_url: image, file_data: data, filename } = part as JsonObject;
  if ((type === "input_text" || type === "output_text") && typeof text === "string") return { type: "text", text };
  if (type === "refusal" && typeof refusal === "string") return { type, refusal };
  if (type === "input_image" && typeof image === "string") return { type: "image_url", image_url: { url: image } };
  if (type === "input_file" && typeof data === "string") {
    return { type: "file", file: { file_data: data, ...(typeof filename === "string" && { filename }) } };
  }
  throw wrongField(place, `the part is of the unknown type ${JSON.stringify(type)}, or lacks its text or bytes`);
}

const contentToChat = (content: unknown, place: string): JsonObject["content"] =>
  Array.isArray(content) ? content.map((part, i) => partToChat(part, `${place}[${i}]`)) : (content as string);

/** The text of a reasoning that a reply had. */
function reasoningIn({ content, summary }: JsonObject, place: string): string {
  const parts = [content, summary].flatMap((each) => (Array.isArray(each) ? each : [])) as JsonObject[];
  if (parts.length === 0)
    throw wrongField(place, "a reasoning needs its text; one that is stored elsewhere is unknown here");
  return parts.map(({ text }) => String(text ?? "")).join("");
}

/** What an item adds to the turn of the assistant that it is part of; `undefined` when it is of nobody's turn. */
function turnOf(item: JsonObject, place: string): JsonObject | undefined {
  const { type, role, content, call_id: id, name, arguments: given } = item;
  if (type === "function_call" && (typeof id !== "string" || id === "")) {
    throw wrongField(`${place}.call_id`, "a call needs an id, by which its output is told");
  }
  if (type === "function_call")
    return { tool_calls: [{ id, type: "function", function: { name, arguments: given } }] as JsonObject[] };
  if (type === "reasoning") return { reasoning_content: reasoningIn(item, place) };
  if ((type === undefined || type === "message") && role === "assistant") {
    return { content: contentToChat(content, `${place}.content`)! };
  }
  return undefined;
}

/** Items as messages. What the assistant did in one turn stands in several items, and in one message. */
function messagesOf(items: readonly JsonObject[]): Placed[] {
  const placed: Placed[] = [];
  for (const [i, item] of items.entries()) {
    const place = `input[${i}]`;
    const { type, role, content, call_id: id, output } = item;
    const turn = turnOf(item, place);
    const last = placed.at(-1);
    const isNext =
      last?.message["role"] === "assistant" && !("content" in (turn ?? {}) && "tool_calls" in last.message);
    if (turn !== undefined) {
      const before = isNext ? placed.pop()!.message : { role: "assistant" };
      placed.push({ message: joined(before, turn), place: isNext ? last.place : place });
    } else if (type === "function_call_output") {
      placed.push({
        message: { role: "tool", tool_call_id: id!, content: contentToChat(output, `${place}.output`)! },
        place,
      });
    } else if (type === undefined || type === "message") {
      placed.push({ message: { role: role!, content: contentToChat(content, `${place}.content`)! }, place });
    } else {
      const hint = type === "item_reference" ? `; ${kept} (the AI SDK does with the provider option store: false)` : "";
      throw wrongField(`${place}.type`, `items of the type ${JSON.stringify(type)} are unknown here${hint}`);
    }
  }
  return placed;
}

/** A turn with what another item adds to it. */
function joined(turn: JsonObject, more: JsonObject): JsonObject {
  const list = (value: unknown): JsonObject[] => {
    if (typeof value === "string") return [{ type: "text", text: value }];
    return Array.isArray(value) ? value : [];
  };
  const { content, tool_calls: calls, reasoning_content: reasoning } = more;
  return {
    ...turn,
    ...(content !== undefined && { content: [...list(turn["content"]), ...list(content)] }),
    ...(calls !== undefined && { tool_calls: [...list(turn["tool_calls"]), ...list(calls)] }),
    ...(reasoning !== undefined && { reasoning_content: `${turn["reasoning_content"] ?? ""}${reasoning}` }),
  };
}

/** Asks for a JSON text, in the older format's words. */
function formatOf(format: JsonObject | null | undefined): JsonObject {
  if (format === null || format === undefined) return {};
  const { type, ...named } = format;
  return { response_format: type === "json_schema" ? { type, json_schema: named } : format };
}

/** The error with fields of the older format called as they are in this one. */
function rename(error: unknown, placed: readonly Placed[]): unknown {
  if (!(error instanceof ConfigError || error instanceof ModelError)) return error;
  if (typeof error.details["param"] !== "string") return error;
  const named = (field: string): string =>
    field
      .replace(/^messages\[(\d+)\](\.content)?/, (_, i, content = "") => {
        const { message, place } = placed[Number(i)] ?? { place: "input" };
        return `${place}${message?.["role"] === "tool" && content !== "" ? ".output" : content}`;
      })
      .replace(/^messages$/, "input")
      .replace(/^response_format/, "text.format")
      .replace(/^verbosity$/, "text.verbosity")
      .replace(/^max(_completion)?_tokens/, "max_output_tokens")
      .replace(/^(tools\[\d+\])\.function/, "$1")
      .replace(/\.tool_call_id$/, ".call_id");
  const { param } = error.details;
  const { message, cause } = error;
  const told = message.startsWith(param) ? named(param) + message.slice(param.length) : message;
  const renamed = { ...error.details, message: told, cause, param: named(param) };
  return error instanceof ConfigError ? new ConfigError(renamed) : new ModelError(renamed);
}

/**
 * The body of a `/responses` request in this library's form.
 *
 * @throws {ConfigError} When it is none, or asks for what a server without a memory of its responses cannot do; names the field.
 */
export function responsesRequestFromWire(body: unknown): ResponsesRequest {
  const wire = parseBody(schema, body);
  const { input, instructions, text, tools, tool_choice: choice, include, max_output_tokens: most } = wire;
  const told: readonly JsonObject[] =
    typeof input === "string" ? [{ role: "user", content: input }] : ((input ?? []) as JsonObject[]);
  const placed = [
    ...(typeof instructions === "string"
      ? [{ message: { role: "system", content: instructions }, place: "instructions" }]
      : []),
    ...messagesOf(told).map((each) => (typeof input === "string" ? { ...each, place: "input" } : each)),
  ];
  if (told.length === 0) throw wrongField("input", "there is nothing to respond to");
  const same = Object.entries(wire).filter(([key]) => !READ.includes(key));
  const { format, verbosity } = (text ?? {}) as JsonObject;
  const chat = {
    ...Object.fromEntries(same),
    messages: placed.map(({ message }) => message),
    ...(typeof most === "number" && { max_tokens: most }),
    ...(tools && { tools: tools.map(({ type, ...given }) => ({ type, function: given })) }),
    ...(typeof choice === "object" && choice && { tool_choice: { type: "function", function: { name: choice.name } } }),
    ...formatOf(format as JsonObject | undefined),
    ...(verbosity !== undefined && { verbosity }),
    ...((include?.length || typeof wire["top_logprobs"] === "number") && { logprobs: true }),
  };
  const renamed = (error: unknown): unknown => rename(error, placed);
  try {
    const { model, request, isStream } = requestFromWire(chat);
    return { model, request, isStream, echo: echoOf(wire as JsonObject), renamed };
  } catch (error) {
    throw renamed(error);
  }
}

/** What a response repeats of its request; clients expect each of these fields. */
function echoOf(wire: JsonObject): JsonObject {
  const or = (key: string, otherwise: JsonObject[string]): JsonObject[string] => wire[key] ?? otherwise;
  return {
    instructions: or("instructions", null),
    max_output_tokens: or("max_output_tokens", null),
    metadata: or("metadata", {}),
    parallel_tool_calls: or("parallel_tool_calls", true),
    previous_response_id: null,
    store: false,
    temperature: or("temperature", null),
    text: or("text", { format: { type: "text" } }),
    tool_choice: or("tool_choice", "auto"),
    tools: or("tools", []),
    top_p: or("top_p", null),
    truncation: "disabled",
  };
}
