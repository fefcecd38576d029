/** The connection to a server: made when it is needed, and again when it was lost. */
import { CancelledError, FormatError, type Json, type JsonObject } from "@cambium/base";
import { Client, type FetchLike, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client";
import { showText } from "../imported/hidden-text.ts";
import { bundleSchema } from "../json-schema/bundle-schema.ts";
import { schemaOfBundle } from "../json-schema/json-schema.ts";
import { connectErrorOf, faultOf } from "./failures.ts";
import type { McpOAuth } from "./oauth.ts";
import type { McpAnswer, McpOptions, McpServer } from "./options.ts";

/** Pages and tools of a listing: one without end is no listing. */
const MOST_PAGES = 1000;
const MOST_TOOLS = 5000;

/** Longest answer that is no stream. Bytes. */
const LONGEST_BODY = 16 * 1024 * 1024;

/** A server's tools as it gives them, each whatever it may be. */
export type Listing = readonly unknown[];

/** A connection to a server. */
export interface Link {
  /** The client, connected. @throws {CambiumError} When the server cannot be reached. */
  client(): Promise<Client>;
  /** The tools, as they are now. */
  list(signal?: AbortSignal): Promise<Listing>;
  /** Makes a request; once more on a new connection if the first was lost before it. */
  request<T>(work: (client: Client) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Passes an answer on as long as it is no longer than allowed. */
function bounded(response: Response): Response {
  const isStream = response.headers.get("content-type")?.includes("text/event-stream") === true;
  if (isStream || response.body === null) return response;
  let sizeBytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes <= LONGEST_BODY) controller.enqueue(chunk);
      else controller.error(new Error(`the answer is longer than ${LONGEST_BODY} bytes`));
    },
  });
  return new Response(response.body.pipeThrough(limit), response);
}

const boundedFetch: FetchLike = async (url, init) => bounded(await fetch(url, init));

async function transportOf(server: McpServer): Promise<Transport> {
  if ("transport" in server) return server.transport();
  if ("url" in server) {
    const { url, headers, auth } = server;
    return new StreamableHTTPClientTransport(new URL(url), {
      fetch: boundedFetch,
      ...(headers === undefined ? {} : { requestInit: { headers } }),
      ...(auth === undefined ? {} : { authProvider: auth }),
    });
  }
  const { StdioClientTransport, getDefaultEnvironment } = await import("@modelcontextprotocol/client/stdio");
  const { command, args = [], env = {}, cwd } = server;
  return new StdioClientTransport({
    command,
    args: [...args],
    env: { ...getDefaultEnvironment(), ...env },
    stderr: "ignore",
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Checks what a tool returned by its own schema, without making code of it. */
const validators = {
  getValidator<T>(schema: unknown) {
    const bundled = bundleSchema(schema);
    const checked = bundled.ok ? schemaOfBundle(bundled.schema) : undefined;
    return (input: unknown) => {
      if (checked === undefined) return { valid: true as const, data: input as T, errorMessage: undefined };
      const result = checked["~standard"].validate(input) as {
        readonly issues?: readonly { readonly message: string }[];
      };
      if (result.issues === undefined) return { valid: true as const, data: input as T, errorMessage: undefined };
      return {
        valid: false as const,
        data: undefined,
        errorMessage: result.issues.map(({ message }) => message).join("; "),
      };
    };
  },
};

const anything = { "~standard": { version: 1, vendor: "cambium", validate: (value: unknown) => ({ value }) } } as const;

/** Answers questions of the server through `elicit`. */
function answerQuestions(client: Client, { name, elicit }: McpOptions): void {
  if (elicit === undefined) return;
  client.setRequestHandler("elicitation/create", async ({ params }, context) => {
    const { signal } = context.mcpReq;
    const message = showText(params.message).text;
    const isPage = params.mode === "url";
    const question = isPage
      ? { server: name, message, url: params.url }
      : { server: name, message, schema: params.requestedSchema as unknown as Json };
    const answer: McpAnswer = await elicit(question, { signal });
    if (answer.action !== "accept" || isPage) return { action: answer.action };
    return { action: "accept", content: { ...answer.content } };
  });
}

/**
 * A connection to a server, not made yet.
 *
 * @param onChange - Called when the server says that its tools are others now.
 * @param onReopen - Called with the tools of a server that was lost and is there again, before anything is asked of it.
 */
export function createLink(
  server: McpServer,
  options: McpOptions,
  onChange: () => void,
  onReopen: (listing: Listing) => Promise<void>,
): Link {
  const { name, elicit, connectMs = 30_000, signal } = options;
  let mode: "auto" | "legacy" =
    (options.protocol ?? ("url" in server ? "auto" : "2025-11-25")) === "auto" ? "auto" : "legacy";
  let opened: Promise<Client> | undefined;
  let isFirst = true;
  let isClosed = false;

  const oauth = "url" in server ? (server.auth as Partial<McpOAuth> | undefined) : undefined;

  /** Ends a sign-in that a person came back from. @returns Whether there was one. */
  async function finishSignIn(transport: Transport): Promise<boolean> {
    const returned = oauth?.takeReturn?.();
    if (returned === undefined || !(transport instanceof StreamableHTTPClientTransport)) return false;
    await transport.finishAuth(returned);
    return true;
  }

  async function open(isSecond = false): Promise<Client> {
    const client = new Client(
      { name: "cambium", version: "0.0.0" },
      {
        versionNegotiation: { mode, probe: { timeoutMs: Math.min(10_000, connectMs) } },
        jsonSchemaValidator: validators,
        listChanged: { tools: { autoRefresh: false, onChanged: onChange } },
        capabilities: elicit === undefined ? {} : { elicitation: { form: {}, url: {} } },
      },
    );
    answerQuestions(client, options);
    const transport = await transportOf(server);
    try {
      await client.connect(transport, { timeout: connectMs, ...(signal === undefined ? {} : { signal }) });
    } catch (thrown) {
      const isSignedIn = faultOf(thrown).code === "UNAUTHORIZED" && !isSecond && (await finishSignIn(transport));
      await client.close().catch(() => {});
      if (isSignedIn) return open(true);
      if (signal?.aborted === true) throw new CancelledError({ message: "connectMcp: the signal was aborted" });
      throw connectErrorOf("connectMcp", name, thrown);
    }
    isFirst = false;
    client.onclose = () => {
      opened = undefined;
    };
    return client;
  }

  async function reopen(): Promise<Client> {
    const fresh = await open();
    await onReopen(await listPages(fresh, signal));
    return fresh;
  }

  function client(): Promise<Client> {
    if (isClosed) {
      return Promise.reject(new CancelledError({ message: `connectMcp: the connection to "${name}" was closed` }));
    }
    if (opened === undefined) {
      const opening = isFirst ? open() : reopen();
      opened = opening;
      opening.catch(() => {
        if (opened === opening) opened = undefined;
      });
    }
    return opened;
  }

  async function drop(): Promise<void> {
    const last = opened;
    opened = undefined;
    try {
      const client = await last;
      const { transport } = client ?? {};
      if (transport instanceof StreamableHTTPClientTransport) {
        await transport.terminateSession().catch(() => {}); // the server forgets it sooner or later all the same
      }
      await client?.close();
    } catch {
      // it was never open, or is gone already
    }
  }

  async function request<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const first = await client();
    try {
      return await work(first);
    } catch (thrown) {
      const { isLost, code } = faultOf(thrown);
      const isSignedIn =
        code === "UNAUTHORIZED" && first.transport !== undefined && (await finishSignIn(first.transport));
      if (!isLost && !isSignedIn) throw thrown;
      if (isLost) await drop();
      return work(await client());
    }
  }

  async function listPages(from: Client, stop: AbortSignal | undefined): Promise<Listing> {
    const options = { timeout: connectMs, ...(stop === undefined ? {} : { signal: stop }) };
    if (from.getServerCapabilities()?.tools === undefined) return [];
    const tools: unknown[] = [];
    const seen = new Set<unknown>();
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const answer = (await from.request({ method: "tools/list", params }, anything, options)) as JsonObject;
      if (!Array.isArray(answer["tools"])) {
        throw new FormatError({ message: `connectMcp: "${name}" answers tools/list without a list of tools` });
      }
      tools.push(...(answer["tools"] as unknown[]));
      const next = answer["nextCursor"];
      if (next === undefined || next === null || next === "") return tools;
      if (typeof next !== "string" || seen.has(next) || tools.length > MOST_TOOLS) break;
      seen.add(next);
      cursor = next;
    }
    throw new FormatError({
      message: `connectMcp: the list of tools of "${name}" does not end: ${tools.length} tools on ${seen.size + 1} pages so far`,
    });
  }

  async function list(stop?: AbortSignal): Promise<Listing> {
    try {
      return await request((from) => listPages(from, stop));
    } catch (thrown) {
      // The newest protocol refuses a list as a whole for one malformed tool; the one before shows it.
      if (mode === "auto" && faultOf(thrown).code === "FORMAT" && !(thrown instanceof FormatError)) {
        mode = "legacy";
        await drop();
        return list(stop);
      }
      throw connectErrorOf("connectMcp", name, thrown);
    }
  }

  return {
    client,
    list,
    request,
    async close() {
      isClosed = true;
      await drop();
    },
  };
}
