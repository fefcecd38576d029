import { type JsonObject, nearest } from "@cambium/base";
import * as z from "zod";
import type { Clock } from "../calls/clock.ts";
import type { Piece } from "../chat-model.ts";
import type { Reply } from "../messages/request.ts";
import type { Policy } from "../sources/policy.ts";
import type { Source, SourceContext } from "../sources/source.ts";
import { answerByPolicy } from "../sources/written-reply.ts";
import { createTextChunks, textReplyToWire, textRequestFromWire } from "../wire/completion.ts";
import { parseBody, wrongField } from "../wire/problems.ts";
import { createChunks, replyToWire } from "../wire/reply-to-wire.ts";
import { requestFromWire } from "../wire/request-from-wire.ts";
import { createResponseEvents, replyToResponses } from "../wire/responses-reply.ts";
import { responsesRequestFromWire } from "../wire/responses-request.ts";
import { errorBody } from "./failure.ts";
import type { Sink } from "./sink.ts";
import { writeStream } from "./stream.ts";

/** What answers for a model: a policy in code, or a source such as a model of this process. */
export type Backend = Policy | Source;

/** Makes the vectors of texts, all of one length. */
export type Embed = (
  texts: readonly string[],
  dimensions: number | undefined,
) => readonly Float32Array[] | Promise<readonly Float32Array[]>;

/** Makes the vectors of texts with a model, and tells what they took. */
export interface Embedder {
  readonly model: string;
  embed(texts: readonly string[], dimensions: number | undefined): Promise<readonly Float32Array[]>;
  countTokens(text: string): number;
  /** Whether requests may call the model as they like. */
  readonly anyName: boolean;
}

/** What handlers share. */
export interface Handling {
  readonly models: Readonly<Record<string, Backend>>;
  readonly embedder: Embedder | undefined;
  /** What `/health` says beside that the server is there. */
  health(): JsonObject;
  readonly clock: Clock;
  readonly createId: () => string;
  /** Called with what goes wrong in the middle of a stream, on the server's side. */
  readonly onError: ((error: unknown) => void) | undefined;
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
function describeModels({ models, embedder, clock }: Handling): readonly (JsonObject & { readonly id: string })[] {
  const created = Math.floor(clock.now() / 1000);
  const names = new Set([...Object.keys(models), ...(embedder === undefined ? [] : [embedder.model])]);
  return [...names].map((id) => ({ id, object: "model", created, owned_by: "cambium" }));
}

async function refuseModel({ models }: Handling, sink: Sink, model: string): Promise<void> {
  const message = `no model "${model}"; there are ${Object.keys(models).join(", ")}`;
  await sendJson(sink, 404, errorBody(404, message, "model_not_found", "model"));
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
  const { models, clock, createId, onError } = handling;
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
  const format = {
    start: [chunks.start()],
    piece: (piece: Piece) => [chunks.piece(piece)],
    end: (reply: Reply) => chunks.end(reply, includesUsage),
  };
  await writeStream(sink, format, (onPiece) => answer({ ...context, onPiece }), onError);
}

/** `POST /v1/responses`, without a memory of those that were given */
export async function respond(handling: Handling, { body, sink, signal }: Handled): Promise<void> {
  const { models, clock, createId, onError } = handling;
  const { model, request, isStream, echo, renamed } = responsesRequestFromWire(body);
  const backend = Object.hasOwn(models, model) ? models[model] : undefined;
  if (backend === undefined) {
    await refuseModel(handling, sink, model);
    return;
  }
  const answer = async (context: SourceContext): Promise<Reply> => {
    try {
      return await (typeof backend === "function"
        ? answerByPolicy(backend, request, context)
        : backend.generate(request, context));
    } catch (error) {
      throw renamed(error);
    }
  };
  const envelope = { id: `resp_${createId()}`, created: Math.floor(clock.now() / 1000), model };
  const context = { signal, clock, createId };
  if (!isStream) {
    await sendJson(sink, 200, replyToResponses(await answer(context), envelope, echo, createId));
    return;
  }
  const events = createResponseEvents(envelope, echo, createId);
  const format = { ...events, start: events.start(), isTyped: true };
  await writeStream(sink, format, (onPiece) => answer({ ...context, onPiece }), onError);
}

/** `POST /v1/completions` */
export async function completeText(handling: Handling, { body, sink, signal }: Handled): Promise<void> {
  const { models, clock, createId, onError } = handling;
  const { model, request, isStream, includesUsage } = textRequestFromWire(body);
  const backend = Object.hasOwn(models, model) ? models[model] : undefined;
  if (backend === undefined) {
    await refuseModel(handling, sink, model);
    return;
  }
  if (typeof backend === "function" || backend.complete === undefined) {
    throw wrongField("model", `"${model}" answers conversations only; ask /v1/chat/completions`);
  }
  const answer = (context: SourceContext): Promise<Reply> => backend.complete!(request, context);
  const envelope = { id: `cmpl-${createId()}`, created: Math.floor(clock.now() / 1000), model };
  const context = { signal, clock, createId };
  if (!isStream) {
    await sendJson(sink, 200, textReplyToWire(await answer(context), envelope));
    return;
  }
  const chunks = createTextChunks(envelope);
  const format = {
    start: [],
    piece: (piece: Piece) => (piece.type === "text" ? [chunks.piece(piece.text, piece.provider)] : []),
    end: (reply: Reply) => chunks.end(reply, includesUsage),
  };
  await writeStream(sink, format, (onPiece) => answer({ ...context, onPiece }), onError);
}

/** `GET /health` */
export async function showHealth({ health }: Handling, { sink }: Handled): Promise<void> {
  await sendJson(sink, 200, { status: "ok", ...health() });
}

/** Fields of a request for embeddings; `user` changes nothing. */
const EMBEDDING_FIELDS = ["input", "model", "dimensions", "encoding_format", "user"];

/** `POST /v1/embeddings` */
export async function embedTexts({ embedder, models }: Handling, { body, sink }: Handled): Promise<void> {
  if (embedder === undefined) {
    const message = `embeddings: no model here makes embeddings; there are ${Object.keys(models).join(", ")}`;
    await sendJson(sink, 404, errorBody(404, message, "model_not_found", "model"));
    return;
  }
  const wire = parseBody(z.looseObject({}), body) as JsonObject;
  const { input, dimensions, encoding_format: format, model } = wire;
  const strange = Object.keys(wire).find((key) => !EMBEDDING_FIELDS.includes(key) && wire[key] !== null);
  if (strange !== undefined) {
    const near = nearest(strange, EMBEDDING_FIELDS);
    throw wrongField(strange, `there is no such field${near === undefined ? "" : `; is "${near}" meant?`}`);
  }
  const texts = typeof input === "string" ? [input] : input;
  if (!Array.isArray(texts) || texts.length === 0 || !texts.every((text) => typeof text === "string")) {
    throw wrongField("input", "must be a text or a list of texts; ids of tokens are another model's");
  }
  if (
    dimensions !== undefined &&
    dimensions !== null &&
    !(Number.isInteger(dimensions) && Number(dimensions) > 0 && Number(dimensions) <= 65_536)
  ) {
    throw wrongField("dimensions", `must be an integer from 1 to 65536, got ${dimensions}`);
  }
  if (!embedder.anyName && model !== embedder.model) {
    const asked = JSON.stringify(model ?? null);
    const message =
      asked === "null"
        ? `embeddings: a request names the model that makes them, which is "${embedder.model}"`
        : `embeddings: no model ${asked} makes embeddings; "${embedder.model}" does`;
    await sendJson(sink, 404, errorBody(404, message, "model_not_found", "model"));
    return;
  }
  if (format !== undefined && format !== null && format !== "float" && format !== "base64") {
    throw wrongField("encoding_format", `must be float or base64, got ${JSON.stringify(format)}`);
  }
  const vectors = await embedder.embed(texts, (dimensions ?? undefined) as number | undefined);
  const data = vectors.map((vector, index) => ({
    object: "embedding",
    index,
    embedding:
      format === "base64" ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : Array.from(vector),
  }));
  const tokens = texts.reduce((sum, text) => sum + embedder.countTokens(text), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  await sendJson(sink, 200, { object: "list", data, model: String(model ?? embedder.model), usage });
}
