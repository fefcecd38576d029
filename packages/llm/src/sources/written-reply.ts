import { canonicalJson } from "@cambium/base";
import { type AssistantPart, textOf } from "../messages/message.ts";
import type { ModelRequest, Reply, Usage } from "../messages/request.ts";
import { errorOfStatus } from "./http-errors.ts";
import type { Policy, WrittenReply } from "./policy.ts";
import type { SourceContext } from "./source.ts";

const CHARACTERS_PER_TOKEN = 4;

/** One token for every four characters: what a written reply counts as. */
function countWritten(request: ModelRequest, parts: readonly AssistantPart[]): Usage {
  const characters = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0);
  const input = characters(request.messages.map(({ content }) => textOf(content)));
  const output = characters(
    parts.map((part) => (part.type === "tool-call" ? part.name + part.arguments : "text" in part ? part.text : "")),
  );
  const tokens = (count: number): number => Math.ceil(count / CHARACTERS_PER_TOKEN);
  return { inputTokens: tokens(input), outputTokens: tokens(output) };
}

function partsOf(written: WrittenReply, createId: () => string): AssistantPart[] {
  const parts: AssistantPart[] = [];
  if (written.reasoning !== undefined) parts.push({ type: "reasoning", text: written.reasoning });
  if (written.text !== undefined) parts.push({ type: "text", text: written.text });
  for (const { name, arguments: given, id } of written.toolCalls ?? []) {
    const text = typeof given === "string" ? given : canonicalJson(given);
    parts.push({ type: "tool-call", id: id ?? createId(), name, arguments: text });
  }
  return [...parts, ...(written.parts ?? [])];
}

/** Cuts a text into pieces of these lengths, the last one taking the rest; into words without them. */
function cut(text: string, lengths: readonly number[] | undefined): string[] {
  if (lengths === undefined) {
    const words = text.split(/(?<=\S)(?=\s)/);
    const last = words.at(-1)!;
    if (words.length > 1 && last.trim() === "") words.splice(-2, 2, words.at(-2)! + last);
    return text === "" ? [] : words;
  }
  const pieces: string[] = [];
  let start = 0;
  for (const length of lengths) {
    pieces.push(text.slice(start, start + length));
    start += length;
  }
  return [...pieces, text.slice(start)].filter((piece) => piece !== "");
}

/** Lets a policy answer: waits as long as it says, shows the pieces, fails where it says so. */
export async function answerByPolicy(policy: Policy, request: ModelRequest, context: SourceContext): Promise<Reply> {
  const given = await policy(request, context);
  const written: WrittenReply = typeof given === "string" ? { text: given } : given;
  if (written.delayMs !== undefined) await context.clock.wait(written.delayMs, context.signal);
  if (written.error !== undefined) {
    const { status, message = "a written failure", retryAfterMs } = written.error;
    throw errorOfStatus("scripted", status, message, retryAfterMs);
  }
  const content = partsOf(written, context.createId);
  for (const part of content) {
    if (part.type === "text" || part.type === "reasoning") {
      for (const text of cut(part.text, written.pieces)) context.onPiece?.({ type: part.type, text });
    }
    if (part.type === "tool-call") context.onPiece?.({ type: "tool-call", call: part });
  }
  const calls = content.some((part) => part.type === "tool-call");
  return {
    content,
    finish: written.finish ?? (calls ? "tool-calls" : "stop"),
    usage: written.usage ?? countWritten(request, content),
  };
}
