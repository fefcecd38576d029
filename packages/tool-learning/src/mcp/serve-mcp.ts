/** Tools of ours for programs that speak MCP. */
import { randomUUID, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, type Json, type JsonObject, parseConfig, sha256 } from "@cambium/base";
import type { FilePart } from "@cambium/llm";
import {
  type CallToolResult,
  createMcpHandler,
  InMemoryTransport,
  type Tool as McpTool,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type Transport,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import type { Policy } from "../agent/policy.ts";
import { callTool } from "../tools/call-tool.ts";
import { messageOf } from "../tools/hostile.ts";
import { isSchema } from "../tools/schema.ts";
import type { AnyTool, ToolOutcome } from "../tools/tool.ts";
import { type ToolSet, toolSet } from "../tools/tool-set.ts";

/** A server over HTTP. */
export interface McpHttp {
  /** @default any free port */
  readonly port?: number;
  /** Address that it listens at. Others than this machine's own need a token. @default "127.0.0.1" */
  readonly host?: string;
  /** What callers send as `Authorization: Bearer …`. @default none, which only this machine's own addresses may do */
  readonly token?: string;
  /** Names under which it may be called, against pages that point their own name here. @default `localhost` and the address */
  readonly hosts?: readonly string[];
}

/** Settings of `serveMcp`. */
export interface ServeMcpOptions {
  /** Name of the server, for its callers. */
  readonly name: string;
  /** @default "1.0.0" */
  readonly version?: string;
  /** How the tools are meant to be used together, for the caller's model. */
  readonly instructions?: string;
  /** The input and output of this process, the memory of this process, or HTTP. @default "stdio" */
  readonly over?: "stdio" | "memory" | McpHttp;
  /** What tools get as `state`. */
  readonly state?: unknown;
  /** Rules that every call passes; nobody can be asked here, so that `"ask"` refuses. @default all are allowed: callers ask their users, by the hints that are sent along */
  readonly policy?: Policy;
  /** Tools on a page of the list. @default 100 */
  readonly pageSize?: number;
}

/** A server that runs. */
export interface McpService {
  /** Where it is, over HTTP. */
  readonly url: string | undefined;
  /** A new transport to it, in memory: for `connectMcp({ transport })`. @throws {ConfigError} When it is not in memory. */
  transport(): Promise<Transport>;
  /** Other tools from now on; callers that listen are told. */
  update(tools: Iterable<AnyTool>): void;
  /** Ends the service and its connections. */
  close(): Promise<void>;
}

const httpSchema = z.strictObject({
  port: z.int().min(0).max(65_535).optional(),
  host: z.string().min(1).optional(),
  token: z.string().min(16, "must have at least 16 characters").optional(),
  hosts: z.array(z.string().min(1)).optional(),
});

const schema = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1).optional(),
  instructions: z.string().optional(),
  over: z.union([z.enum(["stdio", "memory"]), httpSchema]).optional(),
  state: z.unknown().optional(),
  policy: z.custom<Policy>((value) => typeof value === "function", "must be a function").optional(),
  pageSize: z.int().positive().optional(),
});

/** The schema of a tool's results, where they are objects and their library says so. */
function outputSchemaOf({ output }: AnyTool): JsonObject | undefined {
  if (!isSchema(output)) return undefined;
  try {
    const { $schema: _, ...written } = (output["~standard"].jsonSchema?.input({ target: "draft-2020-12" }) ??
      {}) as JsonObject;
    return written["type"] === "object" ? written : undefined;
  } catch {
    return undefined; // a schema without a JSON form checks results here only
  }
}

/** A tool as its callers see it. */
function definitionOf(tool: AnyTool): McpTool {
  const { name, description, inputSchema, effects, idempotent, openWorld } = tool;
  const outputSchema = outputSchemaOf(tool);
  return {
    name,
    description,
    inputSchema,
    ...(outputSchema === undefined ? {} : { outputSchema }),
    annotations: {
      readOnlyHint: effects === "none" || effects === "reads",
      destructiveHint: effects === "destroys",
      idempotentHint: idempotent,
      openWorldHint: openWorld,
    },
  } as unknown as McpTool;
}

function blockOf({ data, mediaType, name = "file" }: FilePart): CallToolResult["content"][number] {
  if (data instanceof URL) return { type: "resource_link", uri: data.href, name, mimeType: mediaType };
  const base64 = Buffer.from(data).toString("base64");
  const [kind] = mediaType.split("/");
  if (kind === "image" || kind === "audio") return { type: kind, data: base64, mimeType: mediaType };
  return {
    type: "resource",
    resource: { uri: `file:///${encodeURIComponent(name)}`, blob: base64, mimeType: mediaType },
  };
}

function answerOf(tool: AnyTool, outcome: ToolOutcome): CallToolResult {
  if (!outcome.ok) {
    const { code, message } = outcome.failure;
    return { isError: true, content: [{ type: "text", text: `${code}: ${message}` }] };
  }
  const { value, text, files } = outcome;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return {
    content: [{ type: "text", text }, ...files.map(blockOf)],
    ...(isObject && outputSchemaOf(tool) !== undefined ? { structuredContent: value as JsonObject } : {}),
  };
}

const refusal = (code: string, message: string): CallToolResult => ({
  isError: true,
  content: [{ type: "text", text: `${code}: ${message}` }],
});

/** Whether the policy lets a call pass; else what the caller is told. */
async function refusedBy(policy: Policy | undefined, tool: AnyTool, input: Json): Promise<CallToolResult | undefined> {
  if (policy === undefined) return undefined;
  try {
    const verdict = await policy({ tool, input });
    if (verdict === "allow") return undefined;
    if (verdict === "ask")
      return refusal("REJECTED", `${tool.name}: somebody would have to be asked, and nobody is there`);
    return refusal("FORBIDDEN", `${tool.name}: ${verdict.deny}`);
  } catch (thrown) {
    return refusal("FORBIDDEN", `${tool.name}: the policy failed: ${messageOf(thrown)}`);
  }
}

/** Makes the protocol's side of a server: one for each connection. */
function serverFactory(current: () => ToolSet, options: ServeMcpOptions): () => Server {
  const { name, version = "1.0.0", instructions, state, policy, pageSize = 100 } = options;
  const run = randomUUID();
  let count = 0;
  return () => {
    const server = new Server(
      { name, version },
      { capabilities: { tools: { listChanged: true } }, ...(instructions === undefined ? {} : { instructions }) },
    );
    server.setRequestHandler("tools/list", ({ params }) => {
      const from = Number(params?.cursor ?? 0);
      const all = [...current()];
      if (!Number.isInteger(from) || from < 0 || from > all.length) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `there is no page "${params?.cursor}"`);
      }
      const tools = all.slice(from, from + pageSize).map(definitionOf);
      return from + pageSize < all.length ? { tools, nextCursor: String(from + pageSize) } : { tools };
    });
    server.setRequestHandler("tools/call", async ({ params }, { mcpReq }): Promise<CallToolResult> => {
      const tools = current();
      const tool = tools.get(params.name);
      if (tool === undefined) {
        const near = tools.nearest(params.name, 3).join(", ");
        const message = `no tool "${params.name}"${near === "" ? "" : `; is one of ${near} meant?`}`;
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, message);
      }
      const input = (params.arguments ?? {}) as JsonObject;
      const refused = await refusedBy(policy, tool, input);
      if (refused !== undefined) return refused;
      const { signal } = mcpReq;
      return answerOf(tool, await callTool(tool, input, { signal, state, callId: `${run}-${count++}` }));
    });
    return server;
  };
}

const isLocal = (host: string): boolean => /^(127(?:\.\d+){3}|::1|localhost)$/.test(host);

const equalTexts = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));

/** Whether a request may be answered: by its name of this server, its page, and its token. */
function isAllowed(
  { headers }: IncomingMessage,
  { token, hosts }: { token?: string; hosts: ReadonlySet<string> },
): number {
  const nameOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).hostname : undefined);
  const isKnown = (url: string | undefined): boolean => url !== undefined && hosts.has(nameOf(url) ?? "");
  if (!isKnown(`http://${headers.host ?? ""}`)) return 403;
  if (headers.origin !== undefined && !isKnown(headers.origin)) return 403;
  if (token !== undefined && !equalTexts(headers.authorization ?? "", `Bearer ${token}`)) return 401;
  return 200;
}

/** Serves over HTTP, statelessly: any number of callers, each request on its own. */
async function serveHttp(factory: () => Server, { port = 0, host = "127.0.0.1", token, hosts }: McpHttp) {
  if (token === undefined && !isLocal(host)) {
    throw new ConfigError({
      message: `serveMcp: "${host}" can be reached from elsewhere; pass a token, or listen at 127.0.0.1`,
      host,
    });
  }
  const { toNodeHandler } = await import("@modelcontextprotocol/node");
  const handler = createMcpHandler(factory);
  const answer = toNodeHandler(handler);
  const known = new Set([...(hosts ?? ["localhost", "127.0.0.1", "[::1]", host])]);
  const http = createServer((request: IncomingMessage, response: ServerResponse) => {
    const status = isAllowed(request, { ...(token === undefined ? {} : { token }), hosts: known });
    if (status === 200) void answer(request as Parameters<typeof answer>[0], response);
    else {
      const asks: Record<string, string> = status === 401 ? { "www-authenticate": "Bearer" } : {};
      response
        .writeHead(status, { "content-type": "text/plain", ...asks })
        .end(status === 401 ? "no token\n" : "not here\n");
    }
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, host, resolve);
  });
  const { port: taken } = http.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}/mcp`,
    changed: () => handler.notify.toolsChanged(),
    async close(): Promise<void> {
      await handler.close();
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}

/** Servers of connections that last, which are told when the tools change. */
function createConnections(factory: () => Server) {
  const servers = new Set<Server>();
  return {
    make(): Server {
      const server = factory();
      servers.add(server);
      server.onclose = () => servers.delete(server);
      return server;
    },
    changed(): void {
      for (const server of servers) server.sendToolListChanged().catch(() => {}); // it is closing
    },
    async close(): Promise<void> {
      await Promise.all([...servers].map((server) => server.close()));
    },
  };
}

/**
 * Serves tools. Calls are checked, bounded and answered as in a run of our own; what goes wrong is a result with `isError`, whose
 * text begins with its code. Hints of effects are sent along.
 *
 * @throws {ConfigError} When tools or options cannot be meant: two tools of one name, an address that strangers reach without a
 *   token.
 * @example
 * const service = await serveMcp([convert], { name: "lengths", over: { port: 3001 } });
 */
export async function serveMcp(tools: Iterable<AnyTool>, options: ServeMcpOptions): Promise<McpService> {
  parseConfig("serveMcp", schema, options);
  const { over = "stdio" } = options;
  let set = toolSet(tools);
  const factory = serverFactory(() => set, options);
  const connections = createConnections(factory);
  const ends: (() => Promise<void>)[] = [connections.close];
  const changes: (() => void)[] = [connections.changed];
  let url: string | undefined;
  if (over === "stdio") {
    const { serveStdio } = await import("@modelcontextprotocol/server/stdio");
    const handle = serveStdio(connections.make);
    ends.unshift(() => handle.close());
  } else if (over !== "memory") {
    const served = await serveHttp(factory, over);
    url = served.url;
    ends.unshift(served.close);
    changes.push(served.changed);
  }
  return {
    url,
    async transport() {
      if (over !== "memory") {
        throw new ConfigError({
          message: 'serveMcp: only a server with over: "memory" has transports; connect by its URL or as a process',
        });
      }
      const [here, there] = InMemoryTransport.createLinkedPair();
      await connections.make().connect(here);
      return there;
    },
    update(more) {
      set = toolSet(more);
      for (const change of changes) change();
    },
    async close() {
      for (const end of ends) await end();
    },
  };
}
