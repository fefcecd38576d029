/** Servers of the tests of MCP: plain lists of definitions, in the memory of the test. */
import { InMemoryTransport, Server } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import { connectMcp, type McpConnection } from "./connect-mcp.ts";
import type { McpOptions } from "./options.ts";

/** What a fake server does with a call. */
export type Handler = (name: string, input: Record<string, unknown>, server: Server, context: never) => unknown;

/** A definition, with whatever is to be changed. */
export const tool = (name: string, more: object = {}): object => ({
  name,
  description: `Does ${name}.`,
  inputSchema: { type: "object", properties: { text: { type: "string" } } },
  ...more,
});

/** A server whose list is whatever the test says, page by page. */
export function fakeServer(
  first: readonly unknown[],
  handle: Handler = (name) => ({ content: [{ type: "text", text: name }] }),
) {
  let pages: readonly (readonly unknown[])[] = [first];
  const servers: Server[] = [];
  return {
    servers,
    async transport() {
      const server = new Server(
        { name: "fake", version: "1" },
        { capabilities: { tools: { listChanged: true } }, instructions: "Be kind.\u200B" },
      );
      server.setRequestHandler("tools/list", ({ params }) => {
        const page = Number(params?.cursor ?? 0);
        const nextCursor = page + 1 < pages.length ? { nextCursor: String(page + 1) } : {};
        return { tools: pages[page], ...nextCursor } as never;
      });
      server.setRequestHandler(
        "tools/call",
        async ({ params }, context) =>
          (await handle(params.name, params.arguments ?? {}, server, context as never)) as never,
      );
      servers.push(server);
      const [here, there] = InMemoryTransport.createLinkedPair();
      await server.connect(here);
      return there;
    },
    /** Another list from now on, and clients are told. */
    async change(tools: readonly unknown[]): Promise<void> {
      pages = [tools];
      await Promise.all(servers.map((server) => server.sendToolListChanged().catch(() => {})));
    },
    paged(...given: readonly (readonly unknown[])[]): void {
      pages = given;
    },
  };
}

/** Connects to a fake server, until the test ends. */
export async function connect(
  server: { transport(): Promise<never> | unknown },
  options: Partial<McpOptions> = {},
): Promise<McpConnection> {
  const connection = await connectMcp({ transport: () => server.transport() as never }, { name: "srv", ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** Waits until something holds, whatever the machine does meanwhile. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A promise that is settled from outside. */
export function signal(): { readonly came: Promise<void>; fire(): void } {
  let fire = (): void => {};
  const came = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { came, fire: () => fire() };
}
