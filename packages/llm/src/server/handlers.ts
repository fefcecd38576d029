import { CambiumError, ConfigError, type JsonObject } from "@cambium/base";
import type { Clock } from "../calls/clock.ts";
import type { Policy } from "../sources/policy.ts";
import type { Source, SourceContext } from "../sources/source.ts";
import { answerByPolicy } from "../sources/written-reply.ts";
import { createChunks, replyToWire } from "../wire/reply-to-wire.ts";
import { requestFromWire } from "../wire/request-from-wire.ts";
import type { Sink } from "./sink.ts";

/** What answers for a model: a policy in code, or a source such as a model of this process. */
export type Backend = Policy | Source;

/** Makes the vectors of texts, all of one length. */
export type Embed = (
  texts: readonly string[],
  dimensions: number | undefined,
) => readonly Float32Array[] | Promise<readonly Float32Array[]>;

/** What handlers share. */
export interface Handling {
  readonly models: Readonly<Record<string, Backend>>;
  readonly embed: Embed;
  readonly embeddingModel: string;
  readonly clock: Clock;
  readonly createId: () => string;
}

/** One request to be handled. */
export interface Handled {
  readonly body: unknown;
  readonly sink: Sink;
  /** The model that the path names, as it is written there. */
  readonly id: string | undefined;
  /** Aborted when the client hangs up. */
  readonly signal: AbortSignal;
}

const STATUSES: Readonly<Record<string, number>> = {
  CONFIG: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  BUDGET_EXCEEDED: 402,
  RATE_LIMITED: 429,
  MODEL_ERROR: 400,
  UNAVAILABLE: 503,
};

/** Body of a failure, as OpenAI writes it. */
export function errorBody(message: string, type: string, code: string | null = null): JsonObject {
  return { error: { message, type, param: null, code } };
}

/** Status, body and headers that an error means. */
export function failureOf(error: unknown): { status: number; body: JsonObject; headers: Record<string, string> } {
  if (!(error instanceof CambiumError)) {
    return { status: 500, body: errorBody("the policy failed", "server_error"), headers: {} };
  }
  const { waitMs, status } = error.details;
  const code = error.code.toLowerCase(); // as codes are written on the wire
  const headers: Record<string, string> = typeof waitMs === "number" ? { "retry-after-ms": String(waitMs) } : {};
  if (typeof waitMs === "number") headers["retry-after"] = String(Math.ceil(waitMs / 1000));
  return {
    status: typeof status === "number" ? status : (STATUSES[error.code] ?? 500),
    body: errorBody(error.message, code, code),
    headers,
  };
}

/** Answers with JSON. */
export async function sendJson(
  sink: Sink,
  status: number,
  body: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  sink.head(status, "application/json", headers);
  await sink.write(JSON.stringify(body));
  await sink.end();
}

/** The models, as the format describes them. */
function describeModels({
  models,
  embeddingModel,
  clock,
}: Handling): readonly (JsonObject & { readonly id: string })[] {
  const created = Math.floor(clock.now() / 1000);
  return [...Object.keys(models), embeddingModel].map((id) => ({ id, object: "model", created, owned_by: "cambium" }));
}

async function refuseModel({ models }: Handling, sink: Sink, model: string): Promise<void> {
  const message = `no model "${model}"; there are ${Object.keys(models).join(", ")}`;
  await sendJson(sink, 404, errorBody(message, "invalid_request_error", "model_not_found"));
}

/** `GET /v1/models` */
export async function listModels(handling: Handling, { sink }: Handled): Promise<void> {
  await sendJson(sink, 200, { object: "list", data: describeModels(handling) });
}

/** `GET /v1/models/{id}`; an id may hold slashes, written as they are or not. */
export async function showModel(handling: Handling, { sink, id = "" }: Handled): Promise<void> {
  const models = describeModels(handling);
  const found = models.find(
    (model) => model.id === id || encodeURIComponent(model.id) === id || encodeURI(model.id) === id,
  );
  if (found === undefined) await refuseModel(handling, sink, id);
  else await sendJson(sink, 200, found);
}

/** `POST /v1/chat/completions` */
export async function complete(handling: Handling, { body, sink, signal }: Handled): Promise<void> {
  const { models, clock, createId } = handling;
  const { model, request, isStream, includesUsage } = requestFromWire(body);
  const backend = Object.hasOwn(models, model) ? models[model] : undefined;
  if (backend === undefined) {
    await refuseModel(handling, sink, model);
    return;
  }
  const answer = (context: SourceContext) =>
    typeof backend === "function" ? answerByPolicy(backend, request, context) : backend.generate(request, context);
  const envelope = { id: `chatcmpl-${createId()}`, created: Math.floor(clock.now() / 1000), model };
  const context = { signal, clock, createId };
  if (!isStream) {
    await sendJson(sink, 200, replyToWire(await answer(context), envelope));
    return;
  }
  const chunks = createChunks(envelope);
  let isOpen = false;
  let last = Promise.resolve();
  const send = (data: string): Promise<void> => {
    last = last.then(() => sink.write(`data: ${data}\n\n`));
    return last;
  };
  const open = (): void => {
    if (isOpen) return;
    isOpen = true;
    sink.head(200, "text/event-stream; charset=utf-8", { "cache-control": "no-cache" });
    send(JSON.stringify(chunks.start()));
  };
  try {
    const reply = await answer({
      ...context,
      onPiece(piece) {
        open();
        send(JSON.stringify(chunks.piece(piece)));
      },
    });
    open();
    for (const chunk of chunks.end(reply, includesUsage)) send(JSON.stringify(chunk));
    await send("[DONE]");
  } catch (error) {
    // Before the first piece the status can still tell; after it only an event can.
    if (!isOpen) throw error;
    await send(JSON.stringify(failureOf(error).body));
  }
  await sink.end();
}

/** `POST /v1/embeddings` */
export async function embedTexts({ embed, embeddingModel }: Handling, { body, sink }: Handled): Promise<void> {
  const { input, dimensions, encoding_format: format, model } = (body ?? {}) as JsonObject;
  const texts = typeof input === "string" ? [input] : input;
  if (!Array.isArray(texts) || texts.length === 0 || !texts.every((text) => typeof text === "string")) {
    throw new ConfigError({ message: 'embeddings: "input" must be a text or a list of texts' });
  }
  if (
    dimensions !== undefined &&
    !(Number.isInteger(dimensions) && Number(dimensions) > 0 && Number(dimensions) <= 65_536)
  ) {
    throw new ConfigError({
      message: `embeddings: "dimensions" must be an integer from 1 to 65536, got ${dimensions}`,
    });
  }
  const vectors = await embed(texts, dimensions as number | undefined);
  const data = vectors.map((vector, index) => ({
    object: "embedding",
    index,
    embedding:
      format === "base64" ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : Array.from(vector),
  }));
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  await sendJson(sink, 200, { object: "list", data, model: String(model ?? embeddingModel), usage });
}
