import type { JsonObject } from "@cambium/base";
import { ModelFormatError } from "../errors.ts";
import type { FilePart, OtherPart, ReasoningPart, TextPart } from "../messages/message.ts";
import { fileFromWire } from "./files.ts";

/** What the content of an assistant message is made of. */
export type ContentPart = TextPart | ReasoningPart | FilePart | OtherPart;

/** The error of a shape that nobody knows: refused before it is stored, where it would stay for ever. */
export function unknownShape(what: string, got: unknown): ModelFormatError {
  const head = JSON.stringify(got)?.slice(0, 200) ?? "nothing";
  return new ModelFormatError({ message: `openai: ${what}, got ${head}`, head });
}

/** The file of a part, if it is one. */
function fileOf(part: JsonObject): FilePart | undefined {
  try {
    return fileFromWire(part);
  } catch {
    throw unknownShape("expected a file with an address or bytes", part);
  }
}

function partFromWire(part: unknown): ContentPart[] {
  if (typeof part === "string") return [{ type: "text", text: part }];
  if (typeof part !== "object" || part === null || Array.isArray(part)) {
    throw unknownShape("expected a part of a message's content", part);
  }
  const { type, text, refusal, thinking } = part as JsonObject;
  if ((type === "text" || type === "output_text") && typeof text === "string") return [{ type: "text", text }];
  if (type === "refusal" && typeof refusal === "string") return [{ type: "text", text: refusal }];
  if (type === "thinking" || type === "reasoning") {
    return contentFromWire(thinking ?? text).map((inner) =>
      inner.type === "text" ? { ...inner, type: "reasoning" } : inner,
    );
  }
  if (type === "reference") return [{ type: "other", kind: "reference", value: part as JsonObject }];
  const file = fileOf(part as JsonObject);
  if (file === undefined) throw unknownShape("a part of the message's content is of no known type", part);
  return [file];
}

/**
 * The content of an assistant message or of a delta: a text, nothing, or a list of parts.
 *
 * @throws {ModelFormatError} When it is something else, or a part of it is.
 */
export function contentFromWire(content: unknown): ContentPart[] {
  if (content === undefined || content === null) return [];
  const parts = Array.isArray(content) ? content.flatMap(partFromWire) : partFromWire(content);
  if (!Array.isArray(content) && typeof content !== "string") {
    throw unknownShape("content must be a text or a list of parts", content);
  }
  const joined: ContentPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.type === "file" || part.type === "other") joined.push(part);
    else if (last?.type === part.type) joined[joined.length - 1] = { ...last, text: last.text + part.text };
    else if (part.text !== "") joined.push(part);
  }
  return joined;
}
