import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, type JsonObject, parseConfig, StateError } from "@cambium/base";
import * as z from "zod";
import { type Clock, systemClock } from "../calls/clock.ts";
import { readJson } from "./body.ts";
import { hashEmbedding } from "./embedding.ts";
import { errorBody, failureOf } from "./failure.ts";
import type { FaultPlan } from "./fault.ts";
import {
  type Backend,
  complete,
  completeText,
  type Embed,
  type Embedder,
  embedTexts,
  type Handled,
  type Handling,
  listModels,
  respond,
  sendJson,
  showHealth,
  showModel,
} from "./handlers.ts";
import { isOwnHost } from "./host.ts";
import { createSink, type Sink } from "./sink.ts";

/** A request that was answered. */
export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  /** Whether the client went away before the end. */
  readonly isAborted: boolean;
}

/** Settings of `startServer`. */
export interface ServerOptions {
  /** What answers under each model's name. */
  readonly models: Readonly<Record<string, Backend>>;
  /**
   * Makes the vectors of `/v1/embeddings`, or `false` for a server that makes none. With `embeddingModel`, requests must name that model.
   *
   * @default `hashEmbedding`, under the name `hash` and any other
   */
  readonly embed?: Embed | false;
  /** The name `/v1/models` gives the embedding model. @default "hash" */
  readonly embeddingModel?: string;
  /** Tokens of a text that is embedded. @default one for every four characters */
  readonly countTokens?: (text: string) => number;
  /** What `/health` tells beside `status: "ok"`. @default nothing */
  readonly health?: () => JsonObject;
  /** Origins of web pages that may ask, such as `https://example.org`, or `*` for all. @default none: browsers then refuse pages of other origins */
  readonly cors?: readonly string[];
  /** Called when a request has been answered, or its client has gone. */
  readonly onRequest?: (request: ServedRequest) => void;
  /** Called with what goes wrong on the server's side: clients are told that something did. @default nobody is */
  readonly onError?: (error: unknown) => void;
  /** @default "127.0.0.1": only this machine */
  readonly host?: string;
  /** @default 0: any free port */
  readonly port?: number;
  /** Token that requests must bear. @default none */
  readonly apiKey?: string;
  /**
   * Names under which clients may ask without a key, beside addresses, `localhost` and `host`: any other name can belong to a
   * web page that points it at this machine. With a key every name is answered.
   *
   * @default none
   */
  readonly allowedHosts?: readonly string[];
  /** Largest request that is read. Bytes. @default 33554432 */
  readonly maxBodyBytes?: number;
  /** Makes requests fail on purpose. @default none fails */
  readonly faults?: FaultPlan;
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default random UUIDs */
  readonly createId?: () => string;
}

const isFunction = (value: unknown): boolean => typeof value === "function";

const schema = z.strictObject({
  models: z.record(z.string(), z.unknown()),
  embed: z
    .custom<Embed | false>((value) => value === false || isFunction(value), "must be a function, or false")
    .optional(),
  countTokens: z.custom<() => number>(isFunction, "must be a function").optional(),
  health: z.custom<() => JsonObject>(isFunction, "must be a function").optional(),
  cors: z.array(z.string().min(1)).optional(),
  onRequest: z.custom<() => void>(isFunction, "must be a function").optional(),
  onError: z.custom<() => void>(isFunction, "must be a function").optional(),
  embeddingModel: z.string().optional(),
  host: z.string().optional(),
  port: z.int().min(0).max(65_535).optional(),
  apiKey: z.string().optional(),
  allowedHosts: z.array(z.string().min(1)).optional(),
  maxBodyBytes: z.int().min(1).optional(),
  faults: z.custom<FaultPlan>(isFunction, "must be a function").optional(),
  clock: z.custom<Clock>((value) => isFunction((value as Clock | undefined)?.now), "must be a clock").optional(),
  createId: z.custom<() => string>(isFunction, "must be a function").optional(),
});

const METHODS = ["GET", "POST"];

/**
 * How long a connection stays open for the next request. Longer than clients keep theirs: a model at work lets timers run late, and a
 * connection that is closed while a request is on its way is an error to its client. Milliseconds.
 */
const KEEP_ALIVE = 75_000;

/** A server at work. */
export interface Server {
  /** Address for clients, with `/v1`. */
  readonly baseURL: string;
  /** Ends every connection. */
  close(): Promise<void>;
  /** Takes no more requests, gives those under way so much time to end, then ends every connection. Milliseconds. */
  stop(graceMs: number): Promise<void>;
}

const ROUTES: Readonly<Record<string, (handling: Handling, handled: Handled) => Promise<void>>> = {
  "GET /health": showHealth,
  "GET /v1/models": listModels,
  "GET /v1/models/{id}": showModel,
  "POST /v1/chat/completions": complete,
  "POST /v1/responses": respond,
  "POST /v1/completions": completeText,
  "POST /v1/embeddings": embedTexts,
};

/**
 * Starts a server that speaks OpenAI's wire format: `/v1/chat/completions` and `/v1/responses` with tools and streams (without a memory
 * of responses), `/v1/completions` (of sources that continue texts), `/v1/embeddings`, `/v1/models`, `/v1/models/{id}`, and `/health`. Behind it stand policies in code or sources; in front of it may stand any client of that format.
 *
 * @throws {ConfigError} When an option cannot be meant, or there is no model.
 * @throws {StateError} When the address is taken.
 * @example
 * const server = await startServer({ models: { echo: ({ messages }) => textOf(messages.at(-1)!.content) } });
 * const chat = llm.model(openai("echo", { baseURL: server.baseURL }));
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  parseConfig("startServer", schema, options);
  const { models, host = "127.0.0.1", port = 0, apiKey, maxBodyBytes = 2 ** 25, faults } = options;
  const { allowedHosts = [] } = options;
  const { clock = systemClock, createId = randomUUID, health = () => ({}), cors = [], onRequest, onError } = options;
  const handling: Handling = { models, embedder: embedderOf(options), health, clock, createId, onError };
  let count = 0;
  let isStopping = false;
  let running = 0;
  let whenIdle = (): void => {};

  async function route(request: IncomingMessage, path: string, sink: Sink, signal: AbortSignal): Promise<void> {
    if (isStopping) {
      const headers = { connection: "close", "retry-after": "1" };
      await sendJson(sink, 503, errorBody(503, "the server is stopping", "unavailable"), headers);
      return;
    }
    if (apiKey === undefined && !isOwnHost(request.headers.host, [host, ...allowedHosts])) {
      const told = `this server has no key and answers to its own addresses only, not to "${request.headers.host ?? ""}"; set apiKey or allowedHosts`;
      await sendJson(sink, 403, errorBody(403, told, "host_not_allowed"));
      return;
    }
    if (request.method === "OPTIONS" && cors.length > 0) {
      sink.head(204, "text/plain", {
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "*",
        "access-control-max-age": "600",
      });
      await sink.end();
      return;
    }
    const [, id] = /^\/v1\/models\/(.+)$/.exec(path) ?? [];
    const handler = ROUTES[`${request.method} ${id === undefined ? path : "/v1/models/{id}"}`];
    if (handler === undefined) {
      const allowed = METHODS.filter((method) => ROUTES[`${method} ${id === undefined ? path : "/v1/models/{id}"}`]);
      if (allowed.length > 0) {
        const message = `${path} is asked with ${allowed.join(" or ")}, not with ${request.method}`;
        await sendJson(sink, 405, errorBody(405, message, "method_not_allowed"), { allow: allowed.join(", ") });
        return;
      }
      const known = Object.keys(ROUTES).join(", ");
      await sendJson(sink, 404, errorBody(404, `no ${request.method} ${path}; there are ${known}`, "unknown_url"));
      return;
    }
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
      await sendJson(sink, 401, errorBody(401, "the key is not accepted", "invalid_api_key"));
      return;
    }
    const body = await readJson(request, maxBodyBytes);
    if (body === undefined) {
      const message = `the request is larger than ${maxBodyBytes} bytes`;
      await sendJson(sink, 413, errorBody(413, message), { connection: "close" });
      return;
    }
    await handler(handling, { body, sink, signal, id });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?")[0]!.replace(/(?<=.)\/+$/, "");
    const fault = faults?.({ index: count++, path });
    allowOrigin(request, response, cors);
    const sink = createSink(response, fault, clock);
    if (fault?.type === "hang") return;
    if (fault?.type === "status") {
      const headers = fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter };
      sink.head(fault.status, "application/json", headers);
      await sink.write(fault.body ?? JSON.stringify(errorBody(fault.status, "a planned failure")));
      await sink.end();
      return;
    }
    if (fault?.type === "redirect") {
      sink.head(fault.status ?? 307, "text/plain", { location: fault.location });
      await sink.end();
      return;
    }
    if (fault?.type === "body") {
      sink.head(200, fault.contentType ?? "application/json");
      await sink.write(fault.body);
      await sink.end();
      return;
    }
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    try {
      await route(request, path, sink, gone.signal);
    } catch (error) {
      const { status, body, headers } = failureOf(error);
      if (status === 500) onError?.(error);
      if (response.headersSent) {
        response.destroy();
        return;
      }
      await sendJson(sink, status, body, headers);
    }
  }

  if (Object.keys(models).length === 0) {
    throw new ConfigError({
      message: "startServer: expected at least one model, got none; pass models: { name: policy }",
    });
  }
  const server = createServer((request, response) => {
    const start = clock.elapsed();
    running++;
    response.once("close", () => {
      running--;
      if (running === 0) whenIdle();
      const { method = "", url = "" } = request;
      const isAborted = !response.writableFinished;
      const durationMs = clock.elapsed() - start;
      onRequest?.({ method, path: url.split("?")[0]!, status: response.statusCode, durationMs, isAborted });
    });
    answer(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = KEEP_ALIVE;
  server.headersTimeout = KEEP_ALIVE + 5000; // has to be longer
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new StateError({ message: `startServer: ${host}:${port} cannot be used: ${cause.message}`, cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    baseURL: `http://${shown}:${address.port}/v1`,
    close,
    async stop(graceMs) {
      isStopping = true;
      const idle = new Promise<void>((resolve) => {
        whenIdle = resolve;
      });
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      if (running > 0) {
        let forget = (): void => {};
        await Promise.race([
          idle,
          new Promise<void>((resolve) => {
            forget = clock.after(graceMs, resolve);
          }),
        ]);
        forget();
      }
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What makes the embeddings; nothing where none are made. */
function embedderOf({ embed, embeddingModel = "hash", countTokens }: ServerOptions): Embedder | undefined {
  if (embed === false) return undefined;
  const make: Embed = embed ?? ((texts, dimensions) => texts.map((text) => hashEmbedding(text, dimensions)));
  return {
    model: embeddingModel,
    embed: async (texts, dimensions) => make(texts, dimensions),
    countTokens: countTokens ?? ((text) => Math.ceil(text.length / 4)),
    anyName: embeddingModel === "hash",
  };
}

/** Tells a browser that a page of this origin may read the answer, where it may. */
function allowOrigin({ headers }: IncomingMessage, response: ServerResponse, cors: readonly string[]): void {
  const { origin } = headers;
  if (cors.length === 0 || origin === undefined) return;
  response.setHeader("vary", "origin");
  if (cors.includes("*") || cors.includes(origin)) response.setHeader("access-control-allow-origin", origin);
}
