/** Replies in the newer of OpenAI's two formats for conversations, `/responses`: items, and the events that build them. */
import type { Json, JsonObject } from "@cambium/base";
import type { Piece } from "../chat-model.ts";
import type { Finish, Reply, Usage } from "../messages/request.ts";
import { WIRE } from "./names.ts";
import type { WireEnvelope } from "./reply-to-wire.ts";

/** Why a response is incomplete; one for another reason is complete. */
const INCOMPLETE: Readonly<Partial<Record<Finish, string>>> = {
  length: "max_output_tokens",
  "content-filter": "content_filter",
};

function usageToResponses({ inputTokens, outputTokens, reasoningTokens = 0, cacheReadTokens = 0 }: Usage): JsonObject {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheReadTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}

/** Log-probabilities of a piece or a reply, token by token. */
function logprobsIn(provider: Reply["provider"]): readonly JsonObject[] {
  const given = provider?.[WIRE]?.["logprobs"] as { readonly content?: readonly JsonObject[] } | null | undefined;
  return given?.content ?? [];
}

/** Those of the tokens that a text is made of, where calls stand before or behind it: the reply has them all. */
function logprobsFor(text: string, all: readonly JsonObject[], isLast: boolean): JsonObject[] {
  const kept: JsonObject[] = [];
  let left = Buffer.byteLength(text);
  for (const each of isLast ? [...all].reverse() : all) {
    if (left <= 0) break;
    kept.push(each);
    left -= (each["bytes"] as readonly number[] | null)?.length ?? Buffer.byteLength(String(each["token"]));
  }
  return isLast ? kept.reverse() : kept;
}

/** A text or a reasoning that still grows. */
interface Open {
  readonly kind: "text" | "reasoning";
  readonly id: string;
  text: string;
  readonly logprobs: JsonObject[];
}

/** The events of one response, each with its type and number. */
export interface ResponseEvents {
  start(): readonly JsonObject[];
  piece(piece: Piece): readonly JsonObject[];
  end(reply: Reply): readonly JsonObject[];
  /** The event of what went wrong. `body` is that of a failed request. */
  fail(body: JsonObject): readonly JsonObject[];
}

/**
 * Makes the events of one response.
 *
 * @param echo - Fields that it repeats of its request.
 */
export function createResponseEvents(
  { id, created, model }: WireEnvelope,
  echo: JsonObject,
  createId: () => string,
): ResponseEvents {
  const items: JsonObject[] = [];
  let open: Open | undefined;
  let early: JsonObject[] = []; // log-probabilities of tokens whose text is not there yet
  let count = 0;
  const event = (type: string, fields: JsonObject): JsonObject => ({ type, sequence_number: count++, ...fields });
  const response = (status: string, more: JsonObject = {}): JsonObject => ({
    ...{
      id,
      object: "response",
      created_at: created,
      status,
      background: false,
      error: null,
      incomplete_details: null,
    },
    ...{ model, output: [...items], usage: null, ...echo, ...more },
  });

  /** An item of what is open, as it stands. */
  function itemOf({ kind, id, text, logprobs }: Open, status: string): JsonObject {
    if (kind === "reasoning") {
      return { id, type: "reasoning", summary: [], content: [{ type: "reasoning_text", text }], status };
    }
    const content = { type: "output_text", text, annotations: [], logprobs };
    return { id, type: "message", role: "assistant", status, content: [content] };
  }

  function begin(kind: Open["kind"]): JsonObject[] {
    open = { kind, id: `${kind === "text" ? "msg" : "rs"}_${createId()}`, text: "", logprobs: [] };
    const item = { ...itemOf(open, "in_progress"), content: [] };
    const added = event("response.output_item.added", { output_index: items.length, item });
    if (kind === "reasoning") return [added];
    const part = { type: "output_text", text: "", annotations: [], logprobs: [] };
    return [added, event("response.content_part.added", { ...placeOf(open), part })];
  }

  const placeOf = (item: Open): JsonObject => ({ item_id: item.id, output_index: items.length, content_index: 0 });

  function close(status = "completed"): JsonObject[] {
    if (open === undefined) return [];
    if (open.kind === "text") open.logprobs.push(...early.splice(0));
    const { kind, text, logprobs } = open;
    const item = itemOf(open, status);
    const place = placeOf(open);
    const part = (item["content"] as JsonObject[])[0]!;
    const events =
      kind === "reasoning"
        ? [event("response.reasoning_text.done", { ...place, text })]
        : [
            event("response.output_text.done", { ...place, text, logprobs }),
            event("response.content_part.done", { ...place, part }),
          ];
    events.push(event("response.output_item.done", { output_index: items.length, item }));
    items.push(item);
    open = undefined;
    return events;
  }

  function call({ call: { id: callId, name, arguments: given } }: Extract<Piece, { type: "tool-call" }>): JsonObject[] {
    const item = { id: `fc_${createId()}`, type: "function_call", call_id: callId, name };
    const place = { item_id: item.id, output_index: items.length };
    const whole = { ...item, arguments: given, status: "completed" };
    const before = { ...item, arguments: "", status: "in_progress" };
    const events = [
      event("response.output_item.added", { output_index: items.length, item: before }),
      event("response.function_call_arguments.delta", { ...place, delta: given }),
      event("response.function_call_arguments.done", { ...place, name, arguments: given }),
      event("response.output_item.done", { output_index: items.length, item: whole }),
    ];
    items.push(whole);
    return events;
  }

  function piece(piece: Piece): JsonObject[] {
    if (piece.type === "tool-call") {
      early = []; // the call's own
      return [...close(), ...call(piece)];
    }
    if (piece.type === "text" && piece.text === "") {
      early.push(...logprobsIn(piece.provider));
      return [];
    }
    const events = open?.kind === piece.type ? [] : [...close(), ...begin(piece.type)];
    open!.text += piece.text;
    const place = placeOf(open!);
    if (piece.type === "reasoning")
      return [...events, event("response.reasoning_text.delta", { ...place, delta: piece.text })];
    const logprobs = [...early.splice(0), ...logprobsIn(piece.provider)];
    open!.logprobs.push(...logprobs);
    return [...events, event("response.output_text.delta", { ...place, delta: piece.text, logprobs })];
  }

  return {
    start: () => [
      event("response.created", { response: response("in_progress") }),
      event("response.in_progress", { response: response("in_progress") }),
    ],
    piece,
    end({ finish, usage }) {
      const why = INCOMPLETE[finish];
      const status = why === undefined ? "completed" : "incomplete";
      const empty = items.length === 0 && open === undefined ? begin("text") : []; // a reply without a word is a reply
      const closed = close(status);
      const details = { incomplete_details: why === undefined ? null : { reason: why } };
      const whole = response(status, { ...details, usage: usage === undefined ? null : usageToResponses(usage) });
      return [...empty, ...closed, event(`response.${status}`, { response: whole })];
    },
    fail: (body) => [event("error", { ...(body["error"] as Record<string, Json>), type: "error" })],
  };
}

/** The body of a `/responses` response. */
export function replyToResponses(
  reply: Reply,
  envelope: WireEnvelope,
  echo: JsonObject,
  createId: () => string,
): JsonObject {
  const events = createResponseEvents(envelope, echo, createId);
  const { content } = reply;
  const firstCall = content.findIndex(({ type }) => type === "tool-call");
  let logprobs = [...logprobsIn(reply.provider)]; // of the whole reply, which has one text as a rule: the first gets them
  for (const [i, part] of content.entries()) {
    if (part.type === "text") {
      const own = firstCall === -1 ? logprobs : logprobsFor(part.text, logprobs, firstCall < i);
      events.piece({ type: "text", text: part.text, provider: { [WIRE]: { logprobs: { content: own } } } });
      logprobs = [];
    } else if (part.type === "reasoning") events.piece({ type: "reasoning", text: part.text });
    else if (part.type === "tool-call") events.piece({ type: "tool-call", call: part });
  }
  return events.end(reply).at(-1)!["response"] as JsonObject;
}
