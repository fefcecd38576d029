/** MCP with real servers in processes of their own: one of ours, and one of the SDK's first version. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { result } from "@cambium/base";
import { openModels, scripted } from "@cambium/llm";
import { callTool, runAgent } from "@cambium/tool-learning";
import { connectMcp, type McpOptions, type McpProgress, type McpQuestion } from "@cambium/tool-learning/mcp";
import { expect, onTestFinished, test } from "vitest";
import { fromSources } from "./children.ts";

const server = fileURLToPath(new URL("programs/mcp-server.ts", import.meta.url));
const ours = { command: process.execPath, args: [...fromSources, server] };
const everything = {
  command: process.execPath,
  args: [
    join(
      dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/server-everything/package.json")),
      "dist/index.js",
    ),
    "stdio",
  ],
};

async function connect(where: Parameters<typeof connectMcp>[0], options: Partial<McpOptions> = {}) {
  const connection = await connectMcp(where, { name: "srv", ...options });
  onTestFinished(() => connection.close());
  const find = (name: string) => connection.tools.find((tool) => tool.name === `srv_${name}`)!;
  return { connection, find };
}

test("a server of ours is called, ends, and is started again", async () => {
  const { find } = await connect(ours);
  expect(await callTool(find("shout"), { text: "hello" })).toMatchObject({ ok: true, value: "HELLO" });
  expect(await callTool(find("end"), {})).toMatchObject({ ok: false, failure: { code: "UNAVAILABLE" } });
  expect(await callTool(find("shout"), { text: "again" })).toMatchObject({ ok: true, value: "AGAIN" });
});

test("a server gets no variable of this process but the few that it needs, and those that are given", async () => {
  process.env["SOME_API_KEY"] = "secret";
  onTestFinished(() => {
    delete process.env["SOME_API_KEY"];
  });
  const { find } = await connect({ ...ours, env: { GIVEN: "yes" } });
  const outcome = await callTool(find("environment"), {});
  const names = JSON.parse(outcome.ok ? String(outcome.value) : "[]") as string[];
  expect(names).toContain("GIVEN");
  expect(names).not.toContain("SOME_API_KEY");
});

test("the newest protocol is spoken over a process too", async () => {
  const { connection, find } = await connect(ours, { protocol: "auto" });
  expect(connection.protocol).toBe("2026-07-28");
  expect(await callTool(find("shout"), { text: "a" })).toMatchObject({ ok: true, value: "A" });
});

test("an agent works with the tools of a server", async () => {
  const { connection } = await connect(ours, { effects: { shout: "none" } });
  const llm = await openModels({ store: ":memory:" });
  onTestFinished(() => llm.close());
  const call = { name: "srv_shout", arguments: { text: "well done" } };
  const model = llm.model(scripted([{ reply: { toolCalls: [call] } }, { reply: "It says WELL DONE." }]));
  const { answer, trajectory } = await result(runAgent({ model, tools: connection.tools }, { instruction: "Shout." }));
  expect(answer).toBe("It says WELL DONE.");
  expect(trajectory.steps[1]).toMatchObject({ kind: "tool", text: "WELL DONE" });
});

test("a server of another program gives text, structure, images, links, progress and questions", async () => {
  const progress: McpProgress[] = [];
  const questions: McpQuestion[] = [];
  const { connection, find } = await connect(everything, {
    onProgress: (told) => progress.push(told),
    elicit(question) {
      questions.push(question);
      return { action: "decline" };
    },
  });
  expect(
    connection.reviews.filter(({ isOffered }) => !isOffered).map(({ name, findings }) => [name, findings]),
  ).toEqual([]);
  expect(await callTool(find("echo"), { message: "hi" })).toMatchObject({ ok: true, value: "Echo: hi" });
  expect(await callTool(find("get-sum"), { a: 2, b: "3" })).toMatchObject({
    ok: false,
    failure: { code: "INVALID_ARGS" },
  });
  expect(await callTool(find("get-sum"), { a: 2, b: 3 })).toMatchObject({
    ok: true,
    value: expect.stringContaining("5"),
  });
  expect(await callTool(find("get-structured-content"), { location: "Chicago" })).toMatchObject({
    ok: true,
    value: { conditions: expect.any(String) },
  });
  const image = await callTool(find("get-tiny-image"), {});
  expect(image).toMatchObject({ ok: true, files: [{ mediaType: "image/png" }] });
  expect(await callTool(find("get-resource-links"), { count: 2 })).toMatchObject({
    ok: true,
    text: expect.stringContaining("://"),
  });
  await callTool(find("trigger-long-running-operation"), { duration: 0.2, steps: 2 });
  expect(progress.map((each) => each.progress)).toContain(1); // the last may come together with the result
  const asked = await callTool(find("trigger-elicitation-request"), {});
  expect(asked).toMatchObject({ ok: true, text: expect.stringContaining("declin") });
  expect(questions[0]).toMatchObject({ server: "srv", schema: { type: "object" } });
});
