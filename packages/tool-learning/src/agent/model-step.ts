/** Replies as steps of a trajectory, and back: what a provider attached to its parts survives, so that it can be sent back. */
import type { Json, JsonObject } from "@cambium/base";
import type { ModelStep, RequestedCall } from "@cambium/evaluation";
import type { AssistantMessage, AssistantPart, CallResult } from "@cambium/llm";

const isPlain = (part: AssistantPart): boolean =>
  (part.type === "text" || part.type === "tool-call") && part.provider === undefined;

function encode(part: AssistantPart): Json {
  if (part.type !== "file") return part as unknown as Json;
  const data =
    part.data instanceof URL ? { url: part.data.href } : { base64: Buffer.from(part.data).toString("base64") };
  return { ...part, data } as unknown as Json;
}

function decode(json: Json): AssistantPart {
  const part = json as unknown as AssistantPart;
  if (part.type !== "file") return part;
  const { url, base64 } = part.data as unknown as JsonObject;
  const data = typeof url === "string" ? new URL(url) : new Uint8Array(Buffer.from(String(base64), "base64"));
  return { ...part, data };
}

/** What a step keeps of a reply. */
export function fieldsOf({
  text,
  reasoning,
  message,
  toolCalls,
  usage,
  usd,
  cached,
  durationMs,
}: CallResult): Omit<ModelStep, "index" | "stage" | "attempt" | "kind" | "promptHash" | "prompt"> {
  const parts = typeof message.content === "string" ? [] : message.content;
  return {
    reply: text,
    ...(reasoning === "" ? {} : { reasoning }),
    ...(toolCalls.length === 0
      ? {}
      : {
          toolCalls: toolCalls.map(({ id, name, arguments: given }): RequestedCall => ({ id, name, arguments: given })),
        }),
    ...(parts.every(isPlain) ? {} : { content: parts.map(encode) }),
    usage,
    ...(usd === undefined ? {} : { usd }),
    cached,
    durationMs,
  };
}

/** The message of a step, as it is sent back. */
export function messageOf({ content, reply, toolCalls = [] }: ModelStep): AssistantMessage {
  if (content !== undefined) return { role: "assistant", content: content.map(decode) };
  if (toolCalls.length === 0) return { role: "assistant", content: reply };
  const calls = toolCalls.map((call) => ({ type: "tool-call", ...call }) as const);
  return { role: "assistant", content: reply === "" ? calls : [{ type: "text", text: reply }, ...calls] };
}
