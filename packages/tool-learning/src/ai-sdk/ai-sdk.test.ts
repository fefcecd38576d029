import { result } from "@cambium/base";
import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import * as ai7 from "ai-7";
import { MockLanguageModelV4 } from "ai-7/test";
import { describe, expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { add, calls, scriptedModel } from "../agent/agent.fixture.ts";
import { runAgent } from "../agent/run-agent.ts";
import { callTool } from "../tools/call-tool.ts";
import { defineTool } from "../tools/define-tool.ts";
import { ToolError } from "../tools/failure.ts";
import type { AnyTool } from "../tools/tool.ts";
import { fromAiSdkTools } from "./from-ai-sdk-tools.ts";
import { toAiSdkTools } from "./to-ai-sdk-tools.ts";

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

/** What a model of the AI SDK says, one reply after the other. */
function replies(made: readonly (string | readonly [name: string, input: object])[]): object {
  let i = 0;
  return {
    doGenerate: async () => {
      const reply = made[i++]!;
      const isText = typeof reply === "string";
      return {
        content: isText
          ? [{ type: "text", text: reply }]
          : [{ type: "tool-call", toolCallId: `c${i}`, toolName: reply[0], input: JSON.stringify(reply[1]) }],
        finishReason: { unified: isText ? "stop" : "tool-calls", raw: "x" },
        usage,
        warnings: [],
      };
    },
  };
}

interface Ran {
  readonly text: string;
  readonly content: readonly { readonly type: string }[];
  /** The last message that the model was sent. */
  readonly told: unknown;
}

async function run6(tools: Iterable<AnyTool>, made: Parameters<typeof replies>[0], options = {}): Promise<Ran> {
  const model = new MockLanguageModelV3(replies(made) as never);
  const { text, steps } = await generateText({
    model,
    tools: toAiSdkTools(tools, options),
    stopWhen: stepCountIs(5),
    prompt: "Do it.",
    maxRetries: 0,
  });
  return { text, content: steps.flatMap(({ content }) => content), told: model.doGenerateCalls.at(-1)!.prompt.at(-1) };
}

async function run7(tools: Iterable<AnyTool>, made: Parameters<typeof replies>[0], options = {}): Promise<Ran> {
  const model = new MockLanguageModelV4(replies(made) as never);
  const ran = await ai7.generateText({
    model,
    tools: toAiSdkTools(tools, options) as never,
    stopWhen: ai7.stepCountIs(5),
    prompt: "Do it.",
    maxRetries: 0,
  } as never);
  const { text, steps } = ran as unknown as { text: string; steps: { content: { type: string }[] }[] };
  return { text, content: steps.flatMap(({ content }) => content), told: model.doGenerateCalls.at(-1)!.prompt.at(-1) };
}

describe.each([
  ["6", run6],
  ["7", run7],
])("tools of ours in generateText of the AI SDK %s", (_, run) => {
  test("are called, and what they give reaches the model", async () => {
    const { text, told } = await run([add], [["add", { a: 1, b: 2 }], "It is 3."]);
    expect(text).toBe("It is 3.");
    expect(told).toMatchObject({ role: "tool", content: [{ toolName: "add", output: { type: "json", value: 3 } }] });
  });

  test("refuse arguments that do not fit, and say why", async () => {
    const { content, told } = await run([add], [["add", { a: 1, bb: 2 }], "No."]);
    expect(content.some(({ type }) => type === "tool-error")).toBe(true);
    expect(JSON.stringify(told)).toContain('Unrecognized key: \\"bb');
  });

  test("fail with their code", async () => {
    const broken = defineTool({
      ...add,
      run: () => {
        throw new ToolError({ code: "RATE_LIMITED", message: "slow down" });
      },
    });
    const { told } = await run([broken], [["add", { a: 1, b: 2 }], "Later."]);
    expect(JSON.stringify(told)).toContain("RATE_LIMITED: add: slow down");
  });

  test("show pictures", async () => {
    const draw = defineTool({
      ...add,
      files: () => [{ type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) }],
    });
    expect(JSON.stringify((await run([draw], [["add", { a: 1, b: 2 }], "Done."])).told)).toContain("AQI=");
  });

  test("that destroy wait for approval, and those that the policy denies are not called", async () => {
    let called = 0;
    const wipe = defineTool({ ...add, name: "wipe", effects: "destroys", run: () => ++called });
    const { content } = await run([wipe], [["wipe", { a: 1, b: 2 }], "Done."]);
    expect(content.map(({ type }) => type)).toContain("tool-approval-request");
    const denied = await run([wipe], [["wipe", { a: 1, b: 2 }], "No."], { policy: () => ({ deny: "never" }) });
    expect(JSON.stringify(denied.told)).toContain("FORBIDDEN: never");
    expect(called).toBe(0);
  });
});

describe("tools of the AI SDK", () => {
  const weather = tool({
    description: "Tells the weather.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }, { toolCallId }) => ({ city, degrees: 22, toolCallId }),
  });

  test("work in a run of ours", async () => {
    const { model } = await scriptedModel([{ reply: calls(["weather", { city: "Rome" }]) }, { reply: "22 degrees." }]);
    const tools = await fromAiSdkTools({ weather }, { effects: { weather: "reads" } });
    const { answer, trajectory } = await result(runAgent({ model, tools }, { instruction: "How warm is Rome?" }));
    expect(answer).toBe("22 degrees.");
    expect(trajectory.steps[1]).toMatchObject({ value: { city: "Rome", degrees: 22 } });
  });

  test("ask first unless it is said what they do", async () => {
    const [ours] = await fromAiSdkTools({ weather });
    expect(ours).toMatchObject({
      name: "weather",
      effects: "destroys",
      inputSchema: { type: "object", required: ["city"] },
    });
    expect(await callTool(ours!, { city: 3 })).toMatchObject({ failure: { code: "INVALID_ARGS" } });
  });

  test("with JSON Schema, of either version, and made only when needed", async () => {
    const { dynamicTool, jsonSchema } = await import("ai");
    const json = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } as const;
    const execute = async (input: unknown) => input;
    const tools = await fromAiSdkTools({
      six: dynamicTool({ description: "x", inputSchema: jsonSchema(json), execute }),
      seven: { description: "x", inputSchema: ai7.jsonSchema(json), execute },
      lazy: { description: "x", inputSchema: () => jsonSchema(json), execute },
    });
    for (const ours of tools) {
      expect(await callTool(ours, { n: 1 })).toMatchObject({ ok: true, value: { n: 1 } });
      expect(await callTool(ours, { n: "1" })).toMatchObject({ failure: { code: "INVALID_ARGS" } });
    }
  });

  test("that give results piece by piece, in their own words, or with pictures", async () => {
    const [pieces, told, failed] = await fromAiSdkTools({
      pieces: {
        ...weather,
        async *execute() {
          yield "one";
          yield "two";
        },
      },
      told: {
        ...weather,
        toModelOutput: () => ({
          type: "content",
          value: [
            { type: "text", text: "Here." },
            { type: "file-data", mediaType: "image/png", data: "AQI=" },
          ],
        }),
      },
      failed: { ...weather, toModelOutput: () => ({ type: "error-text", value: "no such city" }) },
    });
    expect(await callTool(pieces!, { city: "x" })).toMatchObject({ value: "two" });
    expect(await callTool(told!, { city: "x" })).toMatchObject({
      text: "Here.\n[file-data]",
      files: [{ mediaType: "image/png", data: new Uint8Array([1, 2]) }],
    });
    expect(await callTool(failed!, { city: "x" })).toMatchObject({
      failure: { code: "TOOL_ERROR", message: "failed: no such city" },
    });
  });

  test("are stopped with the run", async () => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    let seen: AbortSignal | undefined;
    const [ours] = await fromAiSdkTools({
      weather: {
        ...weather,
        execute: (_: unknown, { abortSignal }: { abortSignal: AbortSignal }) => {
          seen = abortSignal;
          return new Promise(() => {});
        },
      },
    });
    const outcome = callTool(ours!, { city: "x" }, { signal: stop.signal });
    while (seen === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    stop.abort();
    expect(await outcome).toMatchObject({ failure: { code: "CANCELLED" } });
    expect(seen.aborted).toBe(true);
  });

  test.each<[what: string, tools: object, says: string]>([
    [
      "that somebody else runs",
      { search: { type: "provider", id: "x.search", args: {}, inputSchema: z.object({}) } },
      "its provider runs it",
    ],
    ["without execute", { ask: { inputSchema: z.object({}) } }, "it has no execute"],
    ["without a schema", { ask: { execute: () => 1 } }, "no schema that can be read"],
    ["with a name that providers refuse", { "a b": weather }, "letters, digits"],
  ])("%s are refused", async (_, tools, says) => {
    await expect(fromAiSdkTools(tools as never)).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining(says),
    });
  });

  test("that are not there are no effects", async () => {
    await expect(fromAiSdkTools({ weather }, { effects: { wether: "reads" } })).rejects.toThrow('is "weather" meant?');
  });
});
