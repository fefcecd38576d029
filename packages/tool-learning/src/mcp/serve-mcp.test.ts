import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { add } from "../agent/agent.fixture.ts";
import { callTool } from "../tools/call-tool.ts";
import { defineTool } from "../tools/define-tool.ts";
import { ToolError } from "../tools/failure.ts";
import type { AnyTool, ToolContext } from "../tools/tool.ts";
import { connectMcp } from "./connect-mcp.ts";
import { until } from "./mcp.fixture.ts";
import type { McpOptions } from "./options.ts";
import { type ServeMcpOptions, serveMcp } from "./serve-mcp.ts";

const note = defineTool({
  name: "note",
  description: "Keeps a note.",
  input: z.strictObject({ text: z.string() }),
  output: z.strictObject({ count: z.number() }),
  effects: "writes",
  run({ text }, { state }: ToolContext<string[]>) {
    if (text === "") throw new ToolError({ message: "there is nothing to keep; pass a text" });
    return { count: state.push(text) };
  },
});

const picture = defineTool({
  name: "picture",
  description: "Draws.",
  input: z.strictObject({}),
  effects: "none",
  run: () => ({ drawn: true }),
  files: () => [
    { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) },
    { type: "file", mediaType: "application/pdf", data: new Uint8Array([3]), name: "a b.pdf" },
    { type: "file", mediaType: "text/html", data: new URL("https://example.org/a") },
  ],
});

async function serve(tools: readonly AnyTool[], options: Partial<ServeMcpOptions> = {}) {
  const service = await serveMcp(tools, { name: "ours", over: "memory", ...options });
  onTestFinished(() => service.close());
  return service;
}

async function connect(service: Awaited<ReturnType<typeof serve>>, options: Partial<McpOptions> = {}, headers = {}) {
  const { url, transport } = service;
  const connection = await connectMcp(url === undefined ? { transport } : { url, headers }, {
    name: "srv",
    ...options,
  });
  onTestFinished(() => connection.close());
  return connection;
}

describe.each<[where: string, over: NonNullable<ServeMcpOptions["over"]>]>([
  ["in memory", "memory"],
  ["over HTTP", {}],
])("tools served %s", (_, over) => {
  test("come back as they were, but for their name", async () => {
    const { tools } = await connect(await serve([add, note], { over }), { effects: "as claimed" });
    expect(
      tools.map(({ name, description, inputSchema, effects }) => [name, description, inputSchema, effects]),
    ).toEqual([
      ["srv_add", add.description, add.inputSchema, "reads"],
      ["srv_note", note.description, note.inputSchema, "writes"],
    ]);
  });

  test("are called, with the state, and answer in their own form", async () => {
    const state: string[] = [];
    const { tools } = await connect(await serve([add, note, picture], { over, state }));
    expect(await callTool(tools[0]!, { a: 1, b: 2 })).toMatchObject({ ok: true, value: "3" });
    expect(await callTool(tools[1]!, { text: "x" })).toMatchObject({ ok: true, value: { count: 1 } });
    expect(state).toEqual(["x"]);
    expect(await callTool(tools[2]!, {})).toMatchObject({
      ok: true,
      text: '{"drawn":true}\n[image, image/png]\n[file file:///a%20b.pdf]\n[file: https://example.org/a]',
      files: [
        { mediaType: "image/png", data: new Uint8Array([1, 2]) },
        { mediaType: "application/pdf", data: new Uint8Array([3]) },
      ],
    });
  });

  test("tell their failures with a code", async () => {
    const { tools } = await connect(await serve([note], { over, state: [] }));
    const outcome = await callTool(tools[0]!, { text: "" });
    expect(!outcome.ok && outcome.failure).toMatchObject({
      code: "TOOL_ERROR",
      message: "srv_note: TOOL_ERROR: note: there is nothing to keep; pass a text",
    });
  });

  test("come in pages", async () => {
    const many = Array.from({ length: 7 }, (_, i) => defineTool({ ...add, name: `add${i}x` }));
    expect((await connect(await serve(many, { over, pageSize: 3 }))).tools).toHaveLength(7);
  });

  test("are others after an update, and callers are told", async () => {
    const service = await serve([add], { over });
    let changes = 0;
    const connection = await connect(service, { onChange: () => changes++, approve: () => true });
    service.update([add, picture]);
    await until(() => changes > 0);
    expect(connection.tools.map(({ name }) => name)).toEqual(["srv_add", "srv_picture"]);
  });

  test("pass the policy first", async () => {
    const state: string[] = [];
    const policy = ({ input }: { input: unknown }) =>
      JSON.stringify(input).includes("secret") ? { deny: "not this" } : "ask";
    const { tools } = await connect(await serve([note], { over, state, policy }));
    expect(await callTool(tools[0]!, { text: "secret" })).toMatchObject({
      failure: { message: expect.stringContaining("FORBIDDEN: note: not this") },
    });
    expect(await callTool(tools[0]!, { text: "x" })).toMatchObject({
      failure: { message: expect.stringContaining("REJECTED") },
    });
    expect(state).toEqual([]);
  });

  test("that nobody has are refused with the nearest names", async () => {
    const service = await serve([add], { over });
    const connection = await connect(service);
    const [tool] = connection.tools;
    service.update([defineTool({ ...add, name: "adds" })]);
    await until(() => connection.tools.length === 0);
    expect(await callTool(tool!, { a: 1, b: 2 })).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining("any more") },
    });
  });
});

describe("over HTTP", () => {
  const token = "a-token-of-good-length";

  test("a token is asked for", async () => {
    const service = await serve([add], { over: { token } });
    await expect(connect(service)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await expect(connect(service, {}, { authorization: "Bearer another-token-here" })).rejects.toMatchObject({
      code: "UNAUTHORIZED",
    });
    expect((await connect(service, {}, { authorization: `Bearer ${token}` })).tools).toHaveLength(1);
  });

  test("a page of another site, or a name that points here, is refused", async () => {
    const { url } = await serve([add], { over: {} });
    const ask = (headers: Record<string, string>) =>
      fetch(url!, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: "{}" });
    expect((await ask({ origin: "https://evil.example" })).status).toBe(403);
    expect((await ask({ origin: "http://localhost:5173" })).status).not.toBe(403);
  });

  test("an address that strangers reach needs a token", async () => {
    await expect(serve([add], { over: { host: "0.0.0.0" } })).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("pass a token"),
    });
  });

  test("a server that was started again is found again", async () => {
    const first = await serve([add], { over: {} });
    const connection = await connect(first);
    const port = Number(new URL(first.url!).port);
    await first.close();
    expect(await callTool(connection.tools[0]!, { a: 1, b: 2 })).toMatchObject({
      ok: false,
      failure: { code: "UNAVAILABLE" },
    });
    await serve([add], { over: { port } });
    expect(await callTool(connection.tools[0]!, { a: 1, b: 2 })).toMatchObject({ ok: true, value: "3" });
  });

  test("the newest protocol is spoken with servers that know it, and the one before on wish", async () => {
    const service = await serve([add], { over: {} });
    expect((await connect(service)).protocol).toBe("2026-07-28");
    expect((await connect(service, { protocol: "2025-11-25" })).protocol).toBe("2025-11-25");
  });
});

test.each<[what: string, options: object]>([
  ["an unknown option", { name: "a", port: 3 }],
  ["an unknown option of HTTP", { name: "a", over: { prt: 3 } }],
  ["a short token", { name: "a", over: { token: "x" } }],
])("%s is a mistake", async (_, options) => {
  await expect(serveMcp([add], options as never)).rejects.toMatchObject({ code: "CONFIG" });
});
