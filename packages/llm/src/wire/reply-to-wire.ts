import type { JsonObject } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import { type ToolCallPart, textOf } from "../messages/message.ts";
import type { Finish, Reply, Usage } from "../messages/request.ts";
import { MESSAGE_FIELDS, WIRE } from "./names.ts";

/** Why a reply ended, in the format's words. */
export const REASONS: Readonly<Record<Finish, string>> = {
  stop: "stop",
  length: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  other: "stop",
};

/** What stands at the top of a response and of each chunk. */
export interface WireEnvelope {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

function callToWire(call: ToolCallPart): JsonObject {
  const { id, name, arguments: given, provider } = call;
  return { ...provider?.[WIRE], id, type: "function", function: { name, arguments: given } };
}

/** Counts of tokens, in the format's words. */
export function usageToWire({ inputTokens, outputTokens, reasoningTokens, cacheReadTokens }: Usage): JsonObject {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
    ...(cacheReadTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cacheReadTokens } }),
  };
}

/** Log-probabilities, where there are some. */
function logprobsIn(provider: Reply["provider"]): JsonObject {
  const logprobs = provider?.[WIRE]?.["logprobs"];
  return logprobs === undefined ? {} : { logprobs };
}

/** The body of a `/chat/completions` response. */
export function replyToWire({ content, finish, usage, provider }: Reply, envelope: WireEnvelope): JsonObject {
  const text = textOf(content);
  const reasoning = content.map((part) => (part.type === "reasoning" ? part.text : "")).join("");
  const calls = content.flatMap((part) => (part.type === "tool-call" ? [callToWire(part)] : []));
  const fields = content.flatMap((part) => (part.type === "other" && part.kind === MESSAGE_FIELDS ? [part.value] : []));
  const message: JsonObject = {
    ...Object.assign({}, ...fields),
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return {
    ...envelope,
    object: "chat.completion",
    choices: [{ index: 0, message, ...logprobsIn(provider), finish_reason: REASONS[finish] }],
    ...(usage === undefined ? {} : { usage: usageToWire(usage) }),
  };
}

/** The chunks of a streamed response. */
export interface Chunks {
  /** The first chunk, which says who speaks. */
  start(): JsonObject;
  piece(piece: Piece): JsonObject;
  /** The chunks after the last piece; the tokens only where they were asked for. */
  end(reply: Reply, includesUsage: boolean): JsonObject[];
}

/** Makes the chunks of one response. */
export function createChunks(envelope: WireEnvelope): Chunks {
  let calls = 0;
  const chunk = (delta: JsonObject, reason: string | null = null, provider?: Reply["provider"]): JsonObject => ({
    ...envelope,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, ...logprobsIn(provider), finish_reason: reason }],
  });
  return {
    start: () => chunk({ role: "assistant", content: "" }),
    piece(piece) {
      if (piece.type === "text") return chunk({ content: piece.text }, null, piece.provider);
      if (piece.type === "reasoning") return chunk({ reasoning_content: piece.text });
      return chunk({ tool_calls: [{ index: calls++, ...callToWire(piece.call) }] });
    },
    end({ finish, usage }, includesUsage) {
      const last = chunk({}, REASONS[finish]);
      if (!includesUsage || usage === undefined) return [last];
      const counts = { ...envelope, object: "chat.completion.chunk", choices: [], usage: usageToWire(usage) };
      return [last, counts];
    },
  };
}
