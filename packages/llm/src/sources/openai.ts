import { type CambiumError, type JsonObject, parseConfig } from "@cambium/base";
import * as z from "zod";
import { CancelledError, ModelFormatError } from "../errors.ts";
import type { Reply } from "../messages/request.ts";
import { createAssembler } from "../wire/assemble.ts";
import { objectFrom, replyFromWire } from "../wire/reply-from-wire.ts";
import { requestToWire } from "../wire/request-to-wire.ts";
import { readEvents } from "../wire/sse.ts";
import { connectionError, parseObject, readBody, readText, retryAfter } from "./http.ts";
import { errorOfStatus } from "./http-errors.ts";
import { peek } from "./peek.ts";
import { showParts } from "./pieces.ts";
import type { Source, SourceContext } from "./source.ts";

/** Settings of `openai`. */
export interface OpenAiOptions {
  /** Address up to and without `/chat/completions`. @default "https://api.openai.com/v1" */
  readonly baseURL?: string;
  /** Sent as a bearer token; nothing is sent without one. */
  readonly apiKey?: string | undefined;
  /** Further headers. Not part of the key of a call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Field that bounds the reply; OpenAI's own reasoning models want the second one. @default "max_tokens" */
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens";
  /** Field in which the reasoning of earlier replies is sent back, such as `reasoning_content`. @default not sent */
  readonly reasoningField?: string;
  /** Largest reply that is read. Bytes. @default 33554432 */
  readonly maxBodyBytes?: number;
  /** @default the global `fetch` */
  readonly fetch?: typeof fetch;
}

const schema = z.strictObject({
  baseURL: z.url({ protocol: /^https?$/ }).optional(),
  apiKey: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  maxTokensField: z.enum(["max_tokens", "max_completion_tokens"]).optional(),
  reasoningField: z.string().optional(),
  maxBodyBytes: z.int().positive().optional(),
  fetch: z.custom<typeof fetch>((value) => typeof value === "function").optional(),
});

const ERROR_BODY_BYTES = 65_536;

/** What a provider says of a failure. */
interface Said {
  /** For people: shortened, and without the key. */
  readonly detail: string;
  /** The provider's words for it: code, status and type. */
  readonly words: readonly string[];
}

/** What the body of a failure says; some providers put it into a list. */
function readFailure(text: string, apiKey: string | undefined): Said {
  let error: unknown;
  let said: unknown = text; // not JSON: a proxy's page, shown as it is
  try {
    const parsed = JSON.parse(text) as JsonObject | readonly JsonObject[];
    const body = Array.isArray(parsed) ? parsed[0] : (parsed as JsonObject);
    error = body?.["error"];
    said = objectFrom(error)?.["message"] ?? (typeof error === "string" ? error : body?.["message"]) ?? text;
  } catch {}
  const detail = String(said).slice(0, 300);
  const { code, status, type } = objectFrom(error) ?? {};
  const words = [code, status, type].filter((word) => typeof word === "string" || typeof word === "number").map(String);
  return { detail: apiKey === undefined || apiKey === "" ? detail : detail.replaceAll(apiKey, "[key]"), words };
}

/** The error that stands in the body of a reply whose status says that all is well. */
function errorInBody(body: JsonObject, apiKey: string | undefined): CambiumError | undefined {
  const { error } = body;
  if (error === undefined || error === null || error === false || error === "") return undefined;
  const { detail, words } = readFailure(JSON.stringify({ error }), apiKey);
  return errorOfStatus("openai", 200, detail, undefined, words);
}

/**
 * A model of any endpoint that speaks OpenAI's `/chat/completions`: OpenAI, OpenRouter, vLLM, Ollama, llama.cpp,
 * `cambium serve`. Redirects are not followed, so that the key goes to no other host.
 *
 * Fields that this library does not know, of messages and of tool calls, are kept and sent back (signatures of thoughts,
 * for example); `provider: { openai: { … } }` in a request adds fields to its body.
 *
 * @throws {ConfigError} When an option cannot be meant.
 * @example
 * const chat = llm.model(openai("qwen3", { baseURL: "http://localhost:11434/v1" }));
 */
export function openai(model: string, options: OpenAiOptions = {}): Source {
  parseConfig("openai", schema, options);
  const { apiKey, maxTokensField = "max_tokens", reasoningField, maxBodyBytes = 2 ** 25 } = options;
  const baseURL = (options.baseURL ?? "https://api.openai.com/v1").replace(/\/+$/, "");
  const address = `${baseURL}/chat/completions`;

  async function send(body: JsonObject, signal: AbortSignal): Promise<Response> {
    const headers = {
      "content-type": "application/json",
      accept: body["stream"] === true ? "text/event-stream, application/json" : "application/json",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      ...options.headers,
    };
    const request = { method: "POST", headers, body: JSON.stringify(body), redirect: "manual", signal } as const;
    try {
      return await (options.fetch ?? fetch)(address, request);
    } catch (cause) {
      if (signal.aborted) throw new CancelledError({ message: "openai: the signal was aborted", cause });
      throw connectionError(address, cause);
    }
  }

  async function failure(response: Response, { clock }: SourceContext): Promise<CambiumError> {
    const location = response.headers.get("location");
    const said =
      location === null ? await readText(readBody(response, ERROR_BODY_BYTES)).catch(() => "") : `to ${location}`;
    if (location !== null) await response.body?.cancel();
    const { detail, words } = readFailure(said, apiKey);
    return errorOfStatus("openai", response.status, detail, retryAfter(response.headers, clock), words);
  }

  async function readWhole(text: AsyncIterable<Uint8Array>, { createId, onPiece }: SourceContext): Promise<Reply> {
    const body = parseObject(await readText(text));
    const error = errorInBody(body, apiKey);
    if (error !== undefined) throw error;
    const reply = replyFromWire(body, createId);
    showParts(reply.content, onPiece);
    return reply;
  }

  async function readStream(body: AsyncIterable<Uint8Array>, { createId, onPiece }: SourceContext): Promise<Reply> {
    const assembler = createAssembler(createId, onPiece);
    for await (const data of readEvents(body)) {
      if (data.trim() === "") continue; // keeps the connection alive, says nothing
      if (data.trim() === "[DONE]") {
        assembler.done();
        break;
      }
      const chunk = parseObject(data);
      const error = errorInBody(chunk, apiKey);
      if (error !== undefined) throw error;
      assembler.push(chunk);
    }
    return assembler.finish();
  }

  return {
    provider: new URL(baseURL).host,
    model,
    identity: { baseURL },
    async generate(request, context) {
      const streamed = context.onPiece === undefined ? {} : { stream: true, stream_options: { include_usage: true } };
      const body = { ...requestToWire(model, request, { maxTokensField, reasoningField }), ...streamed };
      const response = await send(body, context.signal);
      if (!response.ok) throw await failure(response, context);
      const { kind, body: reply } = await peek(readBody(response, maxBodyBytes));
      if (kind === "json") return readWhole(reply, context);
      if (kind === "events") return readStream(reply, context);
      const head = (await readText(reply)).slice(0, 200);
      const type = response.headers.get("content-type") ?? "";
      throw new ModelFormatError({
        message: `openai: expected JSON or an event stream, got content type "${type}": ${JSON.stringify(head)}`,
        head,
        contentType: type,
      });
    },
  };
}
