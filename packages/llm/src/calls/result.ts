import type { CallResult } from "../chat-model.ts";
import type { FilePart, ToolCallPart } from "../messages/message.ts";
import { textOf } from "../messages/message.ts";
import type { Usage } from "../messages/request.ts";
import type { StoredCall } from "../store/store.ts";

/** What is known of a call besides what is stored. */
export interface ResultDetails {
  readonly bound: Usage;
  readonly usd: number | undefined;
  readonly cached: boolean;
  readonly attempts: number;
}

/** The result of a stored call, as the caller gets it. */
export function resultOf({ key, reply, durationMs }: StoredCall, details: ResultDetails): CallResult {
  const { content, finish, usage } = reply;
  return {
    text: textOf(content),
    reasoning: content.map((part) => (part.type === "reasoning" ? part.text : "")).join(""),
    toolCalls: content.filter((part): part is ToolCallPart => part.type === "tool-call"),
    files: content.filter((part): part is FilePart => part.type === "file"),
    message: { role: "assistant", content },
    finish,
    usage: usage ?? details.bound,
    usageKnown: usage !== undefined,
    usd: details.usd,
    cached: details.cached,
    key,
    attempts: details.attempts,
    durationMs,
    reply,
  };
}
