import { ModelFormatError, UnavailableError } from "../../errors.ts";
import type { AssistantPart } from "../../messages/message.ts";
import type { Reply } from "../../messages/request.ts";
import type { SourceContext } from "../source.ts";
import type { SdkPart } from "./model.ts";
import { partFromSdk, replyFromSdk, type SdkEnd } from "./reply.ts";

/** A text or a reasoning that is not at its end yet. */
interface OpenPart {
  readonly type: "text" | "reasoning";
  text: string;
  providerMetadata?: unknown;
  citations?: readonly unknown[];
}

/** Parts of the stream that say how the reply goes, not what it says. */
const SIGNS: ReadonlySet<string> = new Set(["raw", "tool-input-start", "tool-input-delta", "tool-input-end"]);

/**
 * Puts the reply of a `doStream` together, showing its pieces.
 *
 * @throws Whatever error the stream carries.
 * @throws {ModelFormatError} When the stream ends before the reply does.
 */
export async function readSdkStream(stream: ReadableStream<SdkPart>, { onPiece }: SourceContext): Promise<Reply> {
  const content: (OpenPart | AssistantPart[])[] = [];
  const open = new Map<string, OpenPart>();
  let end: SdkEnd = {};
  let isFinished = false;

  function pushText(type: "text" | "reasoning", part: SdkPart): void {
    const key = `${type}:${part.id}`;
    let current = open.get(key);
    if (current === undefined) {
      current = { type, text: "" };
      content.push(current);
      open.set(key, current);
    }
    if (part.delta !== undefined && part.delta !== "") {
      current.text += part.delta;
      onPiece?.({ type, text: part.delta });
    }
    // A signature comes with the start, with a delta or with the end; the last one holds.
    if (part.providerMetadata !== undefined) current.providerMetadata = part.providerMetadata;
    if (part.citations !== undefined) current.citations = part.citations;
    if (part.type.endsWith("-end")) open.delete(key);
  }

  for await (const part of stream) {
    const [kind] = part.type.split("-");
    if (part.type === "error") throw (part as { readonly error?: unknown }).error;
    if (/^(text|reasoning)-(start|delta|end)$/.test(part.type)) pushText(kind as "text" | "reasoning", part);
    else if (part.type === "stream-start") end = { ...end, ...(part as SdkEnd) };
    else if (part.type === "response-metadata") end = { ...end, response: part as NonNullable<SdkEnd["response"]> };
    else if (part.type === "finish") {
      end = { ...end, ...(part as SdkEnd) };
      if (end.finishReason?.unified === "error") {
        throw new UnavailableError({ message: "aiSdk: the provider failed while it answered", reason: "finish" });
      }
      isFinished = true;
    } else if (!SIGNS.has(part.type)) {
      const parts = partFromSdk(part);
      content.push(parts);
      for (const whole of parts) if (whole.type === "tool-call") onPiece?.({ type: "tool-call", call: whole });
    }
  }
  const parts = content.flatMap((part) => (Array.isArray(part) ? part : partFromSdk(part)));
  if (isFinished) return replyFromSdk(parts, end);
  const head = parts
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("")
    .slice(0, 200);
  throw new ModelFormatError({ message: "aiSdk: the stream ended before the reply did", head });
}
