/** `cambium tools run` with tools of others: a real MCP server in another process, and a service over HTTP. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@cambium/base";
import { type Policy, startServer } from "@cambium/llm";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { recorded } from "../recorded.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-own-tools-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | object): string => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

/** An endpoint whose model calls a tool once, and then says what the tool said. */
async function caller(name: string, input: JsonObject, offered: string[] = []): Promise<string[]> {
  const policy: Policy = ({ messages, tools = [] }) => {
    offered.push(...tools.map((tool) => tool.name));
    const last = messages.at(-1)!;
    return last.role === "tool"
      ? `It said ${JSON.stringify(last.content)}`
      : { toolCalls: [{ name, arguments: input }] };
  };
  const server = await startServer({ models: { m: policy } });
  onTestFinished(() => server.close());
  return ["--model", "m", "--base-url", server.baseURL, "--store", join(folder, `${name}.db`)];
}

const program = fileURLToPath(new URL("../../../../tests/src/programs/mcp-server.ts", import.meta.url));
const args = ["--conditions=@cambium/source", "--import", "tsx", program];

test("tools of MCP servers are offered alone, pinned, and withheld once they change", async () => {
  const servers = { shouter: { type: "stdio", command: process.execPath, args }, off: { disabled: true } };
  const mcp = file("mcp.json", { mcpServers: servers });
  const pins = join(folder, "pins.json");
  const offered: string[] = [];
  const model = await caller("shouter_shout", { text: "hello" }, offered);
  const run = ["tools", "run", "Shout hello.", ...model, "--mcp", mcp, "--pins", pins, "--yes"];
  const first = await recorded(run);
  expect([first.code, first.out], first.errors.join("\n")).toEqual([0, [expect.stringContaining("HELLO")]]);
  expect(new Set(offered)).toEqual(new Set(["shouter_shout", "shouter_environment", "shouter_end", "read_result"]));

  const kept = JSON.parse(readFileSync(pins, "utf8"));
  expect(Object.keys(kept.shouter.tools)).toEqual(["shout", "environment", "end"]);
  kept.shouter.tools.shout = { hash: "0", definition: { ...kept.shouter.tools.shout.definition, description: "Was." } };
  writeFileSync(pins, JSON.stringify(kept));
  const later = await recorded(run);
  expect(later.errors.find((line) => line.startsWith("shouter: withheld: shout is changed"))).toContain("Was.");
});

const PETS = `
openapi: 3.1.0
info: { title: Pets, version: "1" }
paths:
  /pets/{id}:
    get:
      operationId: getPet
      summary: Gives a pet.
      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
      security: [{ key: [] }]
components:
  securitySchemes: { key: { type: apiKey, in: header, name: X-Key } }
`;

test("a service by its document is called where --server says, with a key that the environment holds", async () => {
  const seen: unknown[] = [];
  const service = createServer((request, response) => {
    seen.push([request.url, request.headers["x-key"]]);
    response.setHeader("content-type", "application/json").end('{"name":"Rex"}');
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void service.close());
  const address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  process.env["CAMBIUM_TEST_KEY"] = "secret";
  onTestFinished(() => void delete process.env["CAMBIUM_TEST_KEY"]);
  const flags = ["--openapi", `pets=${file("pets.yaml", PETS)}`, "--server", `pets=${address}`];
  const key = ["--credential", "pets.key=CAMBIUM_TEST_KEY"];
  const { code, out, errors } = await recorded([
    "tools",
    "run",
    "Who is pet 3?",
    ...(await caller("pets_getPet", { id: 3 })),
    ...flags,
    ...key,
  ]);
  expect([code, out], errors.join("\n")).toEqual([0, [expect.stringContaining("Rex")]]);
  expect(seen).toEqual([["/pets/3", "secret"]]);
});

test.each<[string, readonly string[], string]>([
  ["a file that is not there", ["--mcp", join(folder, "none.json")], "cannot read the file of MCP servers"],
  ["a file that is no JSON", ["--mcp", file("broken.json", "{")], "is no JSON"],
  ["a file without servers", ["--mcp", file("empty.json", {})], "has no mcpServers"],
  [
    "an unknown way of speaking",
    ["--mcp", file("sse.json", { mcpServers: { a: { type: "sse", url: "http://x" } } })],
    '"a" speaks sse',
  ],
  [
    "a variable that is not set",
    ["--mcp", file("env.json", { mcpServers: { a: { command: "x", env: { K: "$" + "{NOT_SET_HERE}" } } } })],
    "$NOT_SET_HERE, which is not set",
  ],
  ["pins without servers", ["--pins", "p.json"], "--pins needs --mcp"],
  [
    "a server of no service",
    ["--openapi", `pets=${file("p.yaml", PETS)}`, "--server", "pet=http://x"],
    'is "pets" meant?',
  ],
  [
    "a credential that is not set",
    ["--openapi", `pets=${file("q.yaml", PETS)}`, "--credential", "pets.key=NOT_SET_HERE"],
    "$NOT_SET_HERE, which is not set",
  ],
  ["a pair without a name", ["--openapi", "pets.yaml"], "Write name=value."],
])("%s is one line and wrong use", async (_, flags, message) => {
  const { code, out, errors } = await recorded([
    "tools",
    "run",
    "Do it.",
    "--model",
    "m",
    "--base-url",
    "http://127.0.0.1:9",
    ...flags,
  ]);
  expect([code, out, errors.join(" ")]).toEqual([2, [], expect.stringContaining(message)]);
});
