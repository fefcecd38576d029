import type { JsonObject } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import { ModelFormatError } from "../errors.ts";
import type { AssistantPart } from "../messages/message.ts";
import type { Reply, Usage } from "../messages/request.ts";
import {
  callFromWire,
  type Envelope,
  envelopeFromWire,
  finishFromWire,
  partsFromWire,
  usageFromWire,
} from "./reply-from-wire.ts";

/** Puts the chunks of a streamed reply together. */
export interface Assembler {
  push(chunk: JsonObject): void;
  /** @throws {ModelFormatError} When the stream ended before the reply did. */
  finish(): Reply;
}

interface OpenCall extends Record<string, unknown> {
  function: { name: string; arguments: string };
}

/** Adds the deltas of one tool call to what came of it so far. */
function extendCall(calls: Map<number, OpenCall>, delta: JsonObject, position: number): void {
  const index = typeof delta["index"] === "number" ? delta["index"] : position;
  const call = calls.get(index) ?? { function: { name: "", arguments: "" } };
  calls.set(index, call);
  const { function: inner, index: _, ...rest } = delta;
  Object.assign(call, Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== "")));
  const { name, arguments: given } = (inner ?? {}) as JsonObject;
  if (typeof name === "string") call.function.name += name;
  if (typeof given === "string") call.function.arguments += given;
  else if (given !== undefined && given !== null) call.function.arguments += JSON.stringify(given);
}

/** An assembler that shows each piece as it comes, and tool calls when they are whole. */
export function createAssembler(createId: () => string, onPiece: ((piece: Piece) => void) | undefined): Assembler {
  let [said, reasoning, refusal] = ["", "", ""];
  let envelope: Envelope = {};
  let usage: Usage | undefined;
  let reason: unknown;
  const calls = new Map<number, OpenCall>();
  const extra: Record<string, unknown> = {};

  function pushDelta(delta: JsonObject): void {
    const { content, reasoning_content, reasoning: other, refusal: refused, tool_calls, role: _, ...rest } = delta;
    const thought = typeof reasoning_content === "string" ? reasoning_content : other;
    if (typeof thought === "string" && thought !== "") {
      reasoning += thought;
      onPiece?.({ type: "reasoning", text: thought });
    }
    if (typeof content === "string" && content !== "") {
      said += content;
      onPiece?.({ type: "text", text: content });
    }
    if (typeof refused === "string") refusal += refused;
    if (Array.isArray(tool_calls))
      for (const [i, call] of tool_calls.entries()) extendCall(calls, call as JsonObject, i);
    for (const [key, value] of Object.entries(rest)) {
      if (value === null) continue;
      const before = extra[key];
      extra[key] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
    }
  }

  return {
    push(chunk) {
      envelope = { ...envelope, ...envelopeFromWire(chunk) };
      usage = usageFromWire(chunk["usage"]) ?? usage;
      const choices = chunk["choices"];
      const choice = Array.isArray(choices) ? (choices[0] as JsonObject | undefined) : undefined;
      if (choice === undefined) return;
      if (typeof choice["delta"] === "object" && choice["delta"] !== null) pushDelta(choice["delta"] as JsonObject);
      reason = choice["finish_reason"] ?? reason;
    },

    finish() {
      if (reason === undefined || reason === null) {
        const head = said.slice(0, 200);
        throw new ModelFormatError({ message: "openai: the stream ended before the reply did", head });
      }
      const message = { ...extra, content: said, reasoning_content: reasoning, refusal } as JsonObject;
      const content: AssistantPart[] = partsFromWire(message, createId);
      const called = [...calls].sort(([a], [b]) => a - b).map(([, call]) => callFromWire(call, createId));
      const at = content.findIndex(({ type }) => type === "other");
      content.splice(at < 0 ? content.length : at, 0, ...called);
      for (const call of called) if (call.type === "tool-call") onPiece?.({ type: "tool-call", call });
      return {
        content,
        finish: finishFromWire(reason, content, refusal !== ""),
        ...(usage === undefined ? {} : { usage }),
        ...envelope,
      };
    },
  };
}
