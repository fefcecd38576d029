/**
 * Requests and replies as JSON. The only values in them that are no JSON are the data of files: bytes and URLs. They are
 * written as `{ "url": … }`, or as whatever `put` makes of the bytes: a hash in keys and in the store, base64 in cassettes.
 */
import type { Json, JsonObject } from "@cambium/base";
import type { AssistantPart, FilePart, Message } from "./message.ts";
import type { ModelRequest, Reply } from "./request.ts";

/** Writes bytes as JSON. */
export type PutBytes = (bytes: Uint8Array) => JsonObject;
/** Reads what `PutBytes` wrote. */
export type GetBytes = (json: JsonObject) => Uint8Array;

type Part = Exclude<Message["content"], string>[number];

function encodeFile(part: FilePart, put: PutBytes): Json {
  const data = part.data instanceof URL ? { url: part.data.href } : put(part.data);
  return { ...part, data } as unknown as Json;
}

function encodePart(part: Part, put: PutBytes): Json {
  if (part.type === "file") return encodeFile(part, put);
  if (part.type === "tool-result" && typeof part.output !== "string" && "parts" in part.output) {
    const parts = part.output.parts.map((inner) => encodePart(inner, put));
    return { ...part, output: { parts } } as unknown as Json;
  }
  return part as unknown as Json;
}

function decodePart(json: Json, get: GetBytes): Part {
  const part = json as unknown as Part;
  if (part.type === "file") {
    const data = part.data as unknown as JsonObject;
    return { ...part, data: typeof data["url"] === "string" ? new URL(data["url"]) : get(data) };
  }
  if (part.type === "tool-result" && typeof part.output !== "string" && "parts" in part.output) {
    const parts = part.output.parts.map((inner) => decodePart(inner as unknown as Json, get) as typeof inner);
    return { ...part, output: { parts } };
  }
  return part;
}

/** A request as JSON, without `stage`, which is no part of it. */
export function encodeRequest({ stage: _, messages, ...settings }: ModelRequest, put: PutBytes): JsonObject {
  const encoded = messages.map((message) => ({
    ...message,
    content:
      typeof message.content === "string" ? message.content : message.content.map((part) => encodePart(part, put)),
  }));
  return { ...settings, messages: encoded } as unknown as JsonObject;
}

/** A reply as JSON. */
export function encodeReply(reply: Reply, put: PutBytes): JsonObject {
  return { ...reply, content: reply.content.map((part) => encodePart(part, put)) } as unknown as JsonObject;
}

/** The reply that `encodeReply` wrote. */
export function decodeReply(json: JsonObject, get: GetBytes): Reply {
  const content = (json["content"] as readonly Json[]).map((part) => decodePart(part, get) as AssistantPart);
  return { ...json, content } as unknown as Reply;
}
