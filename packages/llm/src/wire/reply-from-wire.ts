import type { JsonObject } from "@cambium/base";
import { ModelFormatError } from "../errors.ts";
import type { AssistantPart, ProviderData } from "../messages/message.ts";
import type { Finish, Reply, Usage } from "../messages/request.ts";
import { contentFromWire, unknownShape } from "./content.ts";
import { MESSAGE_FIELDS, WIRE } from "./names.ts";

const FINISHES: Readonly<Record<string, Finish>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
};

/** Fields of an assistant message that become separate parts. */
const READ = new Set([
  "role",
  "content",
  "tool_calls",
  "function_call",
  "reasoning_content",
  "reasoning",
  "refusal",
  "annotations",
]);

/** The value, if it is an object. */
export const objectFrom = (value: unknown): JsonObject | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Fields that are neither known nor empty. */
function extraFields(from: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const entries = Object.entries(from).filter(
    ([key, value]) => !known.has(key) && value !== null && value !== undefined,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

const CALL_FIELDS = new Set(["id", "type", "function", "index"]);

/** A tool call of a message; calls without an id get a fresh one. */
export function callFromWire(value: unknown, createId: () => string): AssistantPart {
  const call = objectFrom(value);
  const inner = objectFrom(call?.["function"]);
  const name = text(inner?.["name"]);
  if (call === undefined || inner === undefined || name === undefined) {
    throw unknownShape("a tool call must have a function with a name", value);
  }
  const extra = extraFields(call, CALL_FIELDS);
  // Some servers send the arguments as an object instead of its text.
  const given = inner["arguments"] ?? "";
  return {
    type: "tool-call",
    id: text(call["id"]) ?? createId(),
    name,
    arguments: typeof given === "string" ? given : JSON.stringify(given),
    ...(extra === undefined ? {} : { provider: { [WIRE]: extra } }),
  };
}

/** Tokens of a reply; `undefined` when the counts are missing. */
export function usageFromWire(value: unknown): Usage | undefined {
  const usage = objectFrom(value);
  const count = (from: JsonObject | undefined, field: string): number | undefined => {
    const given = from?.[field];
    return typeof given === "number" && Number.isSafeInteger(given) && given >= 0 ? given : undefined;
  };
  const inputTokens = count(usage, "prompt_tokens");
  const outputTokens = count(usage, "completion_tokens");
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const reasoningTokens = count(objectFrom(usage?.["completion_tokens_details"]), "reasoning_tokens");
  const cacheReadTokens = count(objectFrom(usage?.["prompt_tokens_details"]), "cached_tokens");
  return {
    inputTokens,
    outputTokens,
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
    ...(cacheReadTokens === undefined ? {} : { cacheReadTokens }),
  };
}

/** What stands at the top of a reply or of each chunk. */
export interface Envelope {
  readonly id?: string;
  readonly model?: string;
  readonly provider?: ProviderData;
}

/** Id, model and fingerprint. */
export function envelopeFromWire(body: JsonObject): Envelope {
  const [id, model, fingerprint] = [text(body["id"]), text(body["model"]), text(body["system_fingerprint"])];
  return {
    ...(id === undefined ? {} : { id }),
    ...(model === undefined ? {} : { model }),
    ...(fingerprint === undefined ? {} : { provider: { [WIRE]: { system_fingerprint: fingerprint } } }),
  };
}

/** The calls in `tool_calls`, and the one in the `function_call` of the format's older days. */
function callsFromWire(message: JsonObject, createId: () => string): AssistantPart[] {
  const { tool_calls: calls, function_call: old } = message;
  if (calls !== undefined && calls !== null && !Array.isArray(calls))
    throw unknownShape("tool_calls must be a list", calls);
  const given = [...((calls as unknown[] | null | undefined) ?? []), ...(old ? [{ function: old }] : [])];
  return given.filter((call) => call !== null).map((call) => callFromWire(call, createId));
}

/** The parts of a whole assistant message. */
export function partsFromWire(message: JsonObject, createId: () => string): AssistantPart[] {
  const parts: AssistantPart[] = [];
  const reasoning = text(message["reasoning_content"]) ?? text(message["reasoning"]);
  if (reasoning !== undefined) parts.push({ type: "reasoning", text: reasoning });
  const content = contentFromWire(message["content"]);
  const refusal = text(message["refusal"]);
  parts.push(...content);
  if (refusal !== undefined && !content.some(({ type }) => type === "text"))
    parts.push({ type: "text", text: refusal });
  parts.push(...callsFromWire(message, createId));
  const annotations = message["annotations"];
  if (Array.isArray(annotations) && annotations.length > 0) {
    parts.push({ type: "other", kind: "annotations", value: { annotations } });
  }
  const extra = extraFields(message, READ);
  if (extra !== undefined) parts.push({ type: "other", kind: MESSAGE_FIELDS, value: extra });
  return parts;
}

/** Why a reply ended, also where the server tells it wrong. */
export function finishFromWire(reason: unknown, parts: readonly AssistantPart[], isRefused: boolean): Finish {
  if (isRefused) return "content-filter";
  const finish = typeof reason === "string" && Object.hasOwn(FINISHES, reason) ? FINISHES[reason]! : "other";
  return finish === "stop" && parts.some(({ type }) => type === "tool-call") ? "tool-calls" : finish;
}

/**
 * The reply in the body of a `/chat/completions` response.
 *
 * @throws {ModelFormatError} When there is no message in it.
 */
export function replyFromWire(body: JsonObject, createId: () => string): Reply {
  const choices = body["choices"];
  const choice = Array.isArray(choices) ? objectFrom(choices[0]) : undefined;
  const message = objectFrom(choice?.["message"]);
  if (choice === undefined || message === undefined) {
    const head = JSON.stringify(body).slice(0, 200);
    throw new ModelFormatError({ message: `openai: the reply must have choices with a message, got ${head}`, head });
  }
  const content = partsFromWire(message, createId);
  const usage = usageFromWire(body["usage"]);
  return {
    content,
    finish: finishFromWire(choice["finish_reason"], content, text(message["refusal"]) !== undefined),
    ...(usage === undefined ? {} : { usage }),
    ...envelopeFromWire(body),
  };
}
