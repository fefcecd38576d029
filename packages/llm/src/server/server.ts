import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, parseConfig, StateError } from "@cambium/base";
import * as z from "zod";
import { type Clock, systemClock } from "../calls/clock.ts";
import { hashEmbedding } from "./embedding.ts";
import type { FaultPlan } from "./fault.ts";
import {
  type Backend,
  complete,
  type Embed,
  embedTexts,
  errorBody,
  failureOf,
  type Handled,
  type Handling,
  listModels,
  sendJson,
  showModel,
} from "./handlers.ts";
import { isOwnHost } from "./host.ts";
import { createSink, type Sink } from "./sink.ts";

/** Settings of `startServer`. */
export interface ServerOptions {
  /** What answers under each model's name. */
  readonly models: Readonly<Record<string, Backend>>;
  /** Makes the vectors of `/v1/embeddings`. @default `hashEmbedding`, under the name `hash` */
  readonly embed?: Embed;
  /** The name `/v1/models` gives the embedding model. @default "hash" */
  readonly embeddingModel?: string;
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
  embed: z.custom<Embed>(isFunction, "must be a function").optional(),
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

/** A server at work. */
export interface Server {
  /** Address for clients, with `/v1`. */
  readonly baseURL: string;
  /** Ends every connection. */
  close(): Promise<void>;
}

const ROUTES: Readonly<Record<string, (handling: Handling, handled: Handled) => Promise<void>>> = {
  "GET /v1/models": listModels,
  "GET /v1/models/{id}": showModel,
  "POST /v1/chat/completions": complete,
  "POST /v1/embeddings": embedTexts,
};

/** The body as JSON; `undefined` when it is too large. */
async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) return undefined;
    chunks.push(chunk);
  }
  if (sizeBytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw new ConfigError({ message: `the body is no JSON: ${(cause as Error).message}`, cause });
  }
}

/**
 * Starts a server that speaks OpenAI's wire format: `/v1/chat/completions` with tools and streams, `/v1/embeddings`,
 * `/v1/models` and `/v1/models/{id}`. Behind it stand policies in code or sources; in front of it may stand any client of that format.
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
  const { clock = systemClock, createId = randomUUID, embeddingModel = "hash" } = options;
  const embed: Embed = options.embed ?? ((texts, dimensions) => texts.map((text) => hashEmbedding(text, dimensions)));
  const handling: Handling = { models, embed, embeddingModel, clock, createId };
  let count = 0;

  async function route(request: IncomingMessage, path: string, sink: Sink, signal: AbortSignal): Promise<void> {
    if (apiKey === undefined && !isOwnHost(request.headers.host, [host, ...allowedHosts])) {
      const told = `this server has no key and answers to its own addresses only, not to "${request.headers.host ?? ""}"; set apiKey or allowedHosts`;
      await sendJson(sink, 403, errorBody(told, "invalid_request_error", "host_not_allowed"));
      return;
    }
    const [, id] = /^\/v1\/models\/(.+)$/.exec(path) ?? [];
    const handler = ROUTES[`${request.method} ${id === undefined ? path : "/v1/models/{id}"}`];
    if (handler === undefined) {
      const known = Object.keys(ROUTES).join(", ");
      await sendJson(sink, 404, errorBody(`no ${request.method} ${path}; there are ${known}`, "invalid_request_error"));
      return;
    }
    if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
      await sendJson(sink, 401, errorBody("the key is not accepted", "invalid_request_error", "invalid_api_key"));
      return;
    }
    const body = await readJson(request, maxBodyBytes);
    if (body === undefined) {
      const message = `the request is larger than ${maxBodyBytes} bytes`;
      await sendJson(sink, 413, errorBody(message, "invalid_request_error"), { connection: "close" });
      return;
    }
    await handler(handling, { body, sink, signal, id });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?")[0]!;
    const fault = faults?.({ index: count++, path });
    const sink = createSink(response, fault, clock);
    if (fault?.type === "hang") return;
    if (fault?.type === "status") {
      const headers = fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter };
      sink.head(fault.status, "application/json", headers);
      await sink.write(fault.body ?? JSON.stringify(errorBody("a planned failure", "server_error")));
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
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const { status, body, headers } = failureOf(error);
      await sendJson(sink, status, body, headers);
    }
  }

  if (Object.keys(models).length === 0) {
    throw new ConfigError({
      message: "startServer: expected at least one model, got none; pass models: { name: policy }",
    });
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new StateError({ message: `startServer: ${host}:${port} cannot be used: ${cause.message}`, cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    baseURL: `http://${shown}:${address.port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
