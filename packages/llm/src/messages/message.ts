import type { Json, JsonObject } from "@cambium/base";
/**
 * What is said in a conversation. A message holds parts; a part that a provider sent comes back to it as it was, with the
 * data the provider attached, so that signatures of reasoning and tool calls survive the round trip.
 */

/** Data for or from providers, by provider name: signatures, cache marks, item ids. Kept and sent back untouched. */
export type ProviderData = Readonly<Record<string, JsonObject>>;

/** Plain text. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
  readonly provider?: ProviderData;
}

/** What a model thought before it answered. */
export interface ReasoningPart {
  readonly type: "reasoning";
  readonly text: string;
  readonly provider?: ProviderData;
}

/** An image, a sound or a document. */
export interface FilePart {
  readonly type: "file";
  /** IANA media type, such as `image/png`. */
  readonly mediaType: string;
  /** The bytes, or the URL where the provider finds them. */
  readonly data: Uint8Array | URL;
  readonly name?: string;
  /** Whether the model made it while it was thinking. */
  readonly reasoning?: boolean;
  readonly provider?: ProviderData;
}

/** A call of a tool, as the model wrote it. */
export interface ToolCallPart {
  readonly type: "tool-call";
  /** Ties the call to its result. */
  readonly id: string;
  readonly name: string;
  /** The arguments as the model wrote them: JSON text, if the model did well. See `parseArguments`. */
  readonly arguments: string;
  readonly provider?: ProviderData;
}

/** What came of a tool call. */
export interface ToolResultPart {
  readonly type: "tool-result";
  /** The id of the call. */
  readonly id: string;
  /** The tool that was called. */
  readonly name: string;
  /** A text, parts with files, or any other JSON value. */
  readonly output: string | { readonly json: Json } | { readonly parts: readonly (TextPart | FilePart)[] };
  /** @default false */
  readonly isError?: boolean;
  readonly provider?: ProviderData;
}

/** What only one provider knows: sources, citations, tools it ran by itself. Kept and sent back untouched. */
export interface OtherPart {
  readonly type: "other";
  /** The provider's name for it, such as `source`. */
  readonly kind: string;
  readonly value: JsonObject;
}

/** A part of what a model says. */
export type AssistantPart = TextPart | ReasoningPart | FilePart | ToolCallPart | OtherPart;

/** Instructions that stand above the conversation. */
export interface SystemMessage {
  readonly role: "system";
  readonly content: string;
  readonly provider?: ProviderData;
}

/** What the user says. */
export interface UserMessage {
  readonly role: "user";
  readonly content: string | readonly (TextPart | FilePart)[];
  readonly provider?: ProviderData;
}

/** What the model said. */
export interface AssistantMessage {
  readonly role: "assistant";
  readonly content: string | readonly AssistantPart[];
  readonly provider?: ProviderData;
}

/** What came of the model's tool calls. */
export interface ToolMessage {
  readonly role: "tool";
  readonly content: readonly ToolResultPart[];
  readonly provider?: ProviderData;
}

/** One message of a conversation. */
export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage;

/** Joins the texts of a message's text parts; reasoning and files are left out. */
export function textOf(content: Message["content"]): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** What `parseArguments` gives: the arguments, or why they are none. */
export type ParsedArguments =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: string };

/**
 * The arguments of a tool call as an object. A model may write anything, so a failure is a value, not an error.
 *
 * @example
 * const parsed = parseArguments(call);
 * if (!parsed.ok) return { type: "tool-result", id: call.id, name: call.name, output: parsed.problem, isError: true };
 */
export function parseArguments(call: ToolCallPart): ParsedArguments {
  const text = call.arguments.trim();
  if (text === "") return { ok: true, value: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `the arguments of "${call.name}" are no JSON: ${(error as Error).message}` };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { ok: true, value: value as JsonObject };
  }
  return {
    ok: false,
    problem: `the arguments of "${call.name}" must be a JSON object, got ${value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`}`,
  };
}
