import type { JsonObject } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import { ModelFormatError } from "../errors.ts";
import type { AssistantPart, FilePart, OtherPart } from "../messages/message.ts";
import type { Reply, Usage } from "../messages/request.ts";
import { contentFromWire } from "./content.ts";
import { collectCalls } from "./open-calls.ts";
import {
  callFromWire,
  type Envelope,
  envelopeFromWire,
  finishFromWire,
  objectFrom,
  partsFromWire,
  usageFromWire,
} from "./reply-from-wire.ts";

/** Puts the chunks of a streamed reply together. */
export interface Assembler {
  push(chunk: JsonObject): void;
  /** The server said that nothing follows: the reply is whole, even if no reason for its end was given. */
  done(): void;
  /** @throws {ModelFormatError} When the stream ended before the reply did. */
  finish(): Reply;
}

/** An assembler that shows each piece as it comes, and tool calls when they are whole. */
export function createAssembler(createId: () => string, onPiece: ((piece: Piece) => void) | undefined): Assembler {
  let [said, reasoning, refusal] = ["", "", ""];
  let envelope: Envelope = {};
  let usage: Usage | undefined;
  let reason: unknown;
  let isDone = false;
  const whole: (FilePart | OtherPart)[] = [];
  const calls = collectCalls();
  const oldCalls = collectCalls();
  const extra: Record<string, unknown> = {};

  function pushDelta(delta: JsonObject): void {
    const { content, reasoning_content, reasoning: other, refusal: refused, ...others } = delta;
    const { tool_calls, function_call, role: _, ...rest } = others;
    const thought = typeof reasoning_content === "string" ? reasoning_content : other;
    if (typeof thought === "string" && thought !== "") {
      reasoning += thought;
      onPiece?.({ type: "reasoning", text: thought });
    }
    for (const part of contentFromWire(content)) {
      if (part.type === "file" || part.type === "other") {
        whole.push(part);
        continue;
      }
      if (part.type === "text") said += part.text;
      else reasoning += part.text;
      onPiece?.({ type: part.type, text: part.text });
    }
    if (typeof refused === "string") refusal += refused;
    calls.push(tool_calls);
    if (function_call !== undefined && function_call !== null) oldCalls.push([{ index: 0, function: function_call }]);
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
      const choice = Array.isArray(choices) ? objectFrom(choices[0]) : undefined;
      if (choice === undefined) return;
      const delta = objectFrom(choice["delta"]);
      if (delta !== undefined) pushDelta(delta);
      const told = choice["finish_reason"];
      if (told !== null && told !== "") reason = told ?? reason; // some servers send an empty one with every piece
    },

    done() {
      isDone = true;
    },

    finish() {
      if ((reason === undefined || reason === null) && !isDone) {
        const head = said.slice(0, 200);
        throw new ModelFormatError({ message: "openai: the stream ended before the reply did", head });
      }
      const message = { ...extra, content: said, reasoning_content: reasoning, refusal } as JsonObject;
      const content: AssistantPart[] = partsFromWire(message, createId);
      const called = [...calls.whole(), ...oldCalls.whole()].map((call) => callFromWire(call, createId));
      const at = content.findIndex(({ type }) => type === "other");
      content.splice(at < 0 ? content.length : at, 0, ...whole, ...called);
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
