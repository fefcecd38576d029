import { MockLanguageModelV3 } from "ai/test";
import { MockLanguageModelV4 } from "ai-7/test";
import { expect, test } from "vitest";
import type { Piece } from "../../chat-model.ts";
import type { Message } from "../../messages/message.ts";
import { ask, testContext, testModels } from "../../open-models.fixture.ts";
import { aiSdk } from "./ai-sdk.ts";
import type { AiSdkModel } from "./model.ts";

/** What a mock does; the mocks of both versions take the same. */
interface Doing {
  readonly doGenerate?: unknown;
  readonly doStream?: unknown;
}

const versions = [
  { version: "v3", create: (doing: Doing): AiSdkModel => new MockLanguageModelV3(doing as never) },
  { version: "v4", create: (doing: Doing): AiSdkModel => new MockLanguageModelV4(doing as never) },
] as const;

const usage = {
  inputTokens: { total: 10, noCache: 6, cacheRead: 3, cacheWrite: 1 },
  outputTokens: { total: 5, text: 3, reasoning: 2 },
};
const signed = { google: { signature: "abc" } };
const stop = { unified: "stop", raw: "STOP" };
const calls = { unified: "tool-calls", raw: "tools" };

function streamOf(parts: readonly object[]): object {
  return {
    stream: new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(part);
        controller.close();
      },
    }),
  };
}

const picture = (version: string): unknown => (version === "v4" ? { type: "data", data: "AQI=" } : "AQI=");

test.for(versions)(
  "a reply of $version keeps reasoning, signatures, files and what only the provider knows",
  async ({ version, create }) => {
    const search = { type: "tool-call", toolCallId: "s", toolName: "search", input: "{}", providerExecuted: true };
    const found = { type: "tool-result", toolCallId: "s", toolName: "search", result: ["x"] };
    const source = { type: "source", sourceType: "url", id: "1", url: "https://a.example" };
    const content = [
      { type: "reasoning", text: "hm", providerMetadata: signed },
      { type: "text", text: "answer" },
      { type: "file", mediaType: "image/png", data: picture(version) },
      search,
      found,
      source,
      { type: "tool-call", toolCallId: "c", toolName: "f", input: '{"a":1}', providerMetadata: signed },
    ];
    const response = { id: "r", modelId: "real-model", timestamp: new Date(0) };
    const model = create({
      doGenerate: {
        content,
        finishReason: calls,
        usage,
        warnings: [],
        response,
        providerMetadata: { google: { x: 1 } },
      },
    });
    expect(await aiSdk(model).generate(ask("?"), testContext())).toEqual({
      content: [
        { type: "reasoning", text: "hm", provider: signed },
        { type: "text", text: "answer" },
        { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) },
        { type: "other", kind: "tool-call", value: search },
        { type: "other", kind: "tool-result", value: found },
        { type: "other", kind: "source", value: source },
        { type: "tool-call", id: "c", name: "f", arguments: '{"a":1}', provider: signed },
      ],
      finish: "tool-calls",
      usage: { inputTokens: 10, outputTokens: 5, reasoningTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 1 },
      model: "real-model",
      id: "r",
      provider: { google: { x: 1 } },
    });
  },
);

test.for(versions)("what $version said goes back to it as it came, through the store", async ({ version, create }) => {
  const call = { type: "tool-call", toolCallId: "c", toolName: "f", input: '{"a":1}', providerMetadata: signed };
  const first = {
    content: [{ type: "reasoning", text: "hm", providerMetadata: signed }, call],
    finishReason: calls,
    usage,
    warnings: [],
  };
  const second = { content: [{ type: "text", text: "done" }], finishReason: stop, usage, warnings: [] };
  const model = create({ doGenerate: [first, second] });
  const llm = await testModels();
  const chat = llm.model(model);
  await chat.call(ask("?"));
  const { message, cached } = await chat.call(ask("?"));
  expect(cached).toBe(true);
  const image = { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) } as const;
  const messages: Message[] = [
    ...ask("?").messages,
    message,
    {
      role: "tool",
      content: [{ type: "tool-result", id: "c", name: "f", output: { parts: [{ type: "text", text: "see" }, image] } }],
    },
    { role: "user", content: [image] },
  ];
  await chat.call({
    messages,
    tools: [{ name: "f", parameters: { type: "object" } }],
    toolChoice: { tool: "f" },
    format: {},
  });
  const { prompt, tools, toolChoice, responseFormat, maxOutputTokens } = (
    model as unknown as { doGenerateCalls: Record<string, unknown>[] }
  ).doGenerateCalls[1]!;
  const isV4 = version === "v4";
  const data = isV4 ? { type: "data", data: image.data } : image.data;
  expect(prompt).toEqual([
    { role: "user", content: [{ type: "text", text: "?" }] },
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm", providerOptions: signed },
        { type: "tool-call", toolCallId: "c", toolName: "f", input: { a: 1 }, providerOptions: signed },
      ],
    },
    {
      role: "tool",
      content: [
        {
          type: "tool-result",
          toolCallId: "c",
          toolName: "f",
          output: {
            type: "content",
            value: [
              { type: "text", text: "see" },
              isV4
                ? { type: "file", mediaType: "image/png", data }
                : { type: "image-data", mediaType: "image/png", data: "AQI=" },
            ],
          },
        },
      ],
    },
    { role: "user", content: [{ type: "file", mediaType: "image/png", data }] },
  ]);
  expect(tools).toEqual([{ type: "function", name: "f", inputSchema: { type: "object" } }]);
  expect([toolChoice, responseFormat, maxOutputTokens]).toEqual([
    { type: "tool", toolName: "f" },
    { type: "json" },
    4096,
  ]);
});

test.for(versions)("a stream of $version gives the reply that it shows", async ({ version, create }) => {
  const parts = [
    { type: "stream-start", warnings: [{ type: "other", message: "w" }] },
    { type: "response-metadata", id: "r", modelId: "m" },
    { type: "reasoning-start", id: "0" },
    { type: "reasoning-delta", id: "0", delta: "h" },
    { type: "reasoning-delta", id: "0", delta: "m" },
    { type: "reasoning-end", id: "0", providerMetadata: signed },
    { type: "text-start", id: "0" },
    { type: "text-delta", id: "0", delta: "an" },
    { type: "tool-input-start", id: "c", toolName: "f" },
    { type: "tool-input-delta", id: "c", delta: "{}" },
    { type: "tool-input-end", id: "c" },
    { type: "tool-call", toolCallId: "c", toolName: "f", input: "{}" },
    { type: "text-delta", id: "0", delta: "swer" },
    { type: "text-end", id: "0" },
    { type: "file", mediaType: "image/png", data: picture(version) },
    { type: "finish", finishReason: calls, usage },
  ];
  const pieces: Piece[] = [];
  const model = create({ doStream: streamOf(parts) });
  const reply = await aiSdk(model).generate(ask("?"), testContext({ onPiece: (piece) => pieces.push(piece) }));
  const call = { type: "tool-call", id: "c", name: "f", arguments: "{}" };
  expect(reply.content).toEqual([
    { type: "reasoning", text: "hm", provider: signed },
    { type: "text", text: "answer" },
    call,
    { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) },
  ]);
  expect(reply).toMatchObject({
    finish: "tool-calls",
    id: "r",
    model: "m",
    warnings: [{ message: "w" }],
    usage: { inputTokens: 10 },
  });
  expect(pieces.map((piece) => ("text" in piece ? piece.text : piece.call))).toEqual(["h", "m", "an", call, "swer"]);
});

test.for(versions)("a stream of $version that ends early, or carries an error, is no reply", async ({ create }) => {
  const onPiece = (): void => {};
  const early = create({
    doStream: streamOf([
      { type: "text-start", id: "0" },
      { type: "text-delta", id: "0", delta: "a" },
    ]),
  });
  await expect(aiSdk(early).generate(ask("?"), testContext({ onPiece }))).rejects.toMatchObject({
    code: "MODEL_FORMAT",
    details: { head: "a" },
  });
  const failing = create({
    doStream: streamOf([{ type: "error", error: Object.assign(new Error("x"), { statusCode: 503 }) }]),
  });
  await expect(aiSdk(failing).generate(ask("?"), testContext({ onPiece }))).rejects.toMatchObject({
    code: "UNAVAILABLE",
    details: { status: 503 },
  });
});

test.for(versions)(
  "a failure that a stream of $version tells as a plain object is told by its words",
  async ({ create }) => {
    const told = (error: unknown) =>
      aiSdk(create({ doStream: streamOf([{ type: "error", error }]) })).generate(
        ask("?"),
        testContext({ onPiece: () => {} }),
      );
    const used = { type: "error", error: { type: "insufficient_quota", code: "credit_balance_exhausted" } };
    await expect(told(used)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(told({ type: "overloaded_error" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    for (const hostile of [undefined, null, "x", Object.create(null)])
      await expect(told(hostile)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  },
);

test("V4's thoughts in pictures, citations and custom parts survive; V3 never had them", async () => {
  const source = { type: "source", sourceType: "url", id: "1", url: "https://a.example" };
  const custom = { type: "custom", kind: "x.y", providerMetadata: signed };
  const content = [
    { type: "reasoning-file", mediaType: "image/png", data: { type: "data", data: new Uint8Array([3]) } },
    { type: "text", text: "t", citations: [{ source, citedText: "c" }] },
    custom,
  ];
  const reply = { content, finishReason: stop, usage, warnings: [] };
  const model = new MockLanguageModelV4({ doGenerate: reply as never });
  const first = await aiSdk(model).generate(ask("?"), testContext());
  expect(first.content).toEqual([
    { type: "file", mediaType: "image/png", data: new Uint8Array([3]), reasoning: true },
    { type: "text", text: "t" },
    { type: "other", kind: "citations", value: { citations: [{ source, citedText: "c" }] } },
    { type: "other", kind: "custom", value: custom },
  ]);
  await aiSdk(model).generate({ messages: [{ role: "assistant", content: first.content }] }, testContext());
  expect(model.doGenerateCalls[1]!.prompt[0]!.content).toEqual([
    { type: "reasoning-file", mediaType: "image/png", data: { type: "data", data: new Uint8Array([3]) } },
    { type: "text", text: "t" },
    { type: "custom", kind: "x.y", providerOptions: signed },
  ]);
});

test.for([
  {
    error: { name: "AI_APICallError", statusCode: 429, responseHeaders: { "retry-after": "2" } },
    code: "RATE_LIMITED",
    details: { waitMs: 2000 },
  },
  { error: { name: "AI_APICallError", statusCode: 400 }, code: "MODEL_ERROR", details: { charged: false } },
  {
    error: { name: "AI_APICallError", statusCode: 200, cause: { name: "AI_JSONParseError" } },
    code: "MODEL_FORMAT",
    details: {},
  },
  { error: { name: "AI_TypeValidationError" }, code: "MODEL_FORMAT", details: {} },
  { error: { name: "AI_LoadAPIKeyError" }, code: "UNAUTHORIZED", details: { charged: false } },
  { error: { name: "AI_UnsupportedFunctionalityError" }, code: "MODEL_ERROR", details: { charged: false } },
  { error: { name: "Error" }, code: "UNAVAILABLE", details: {} },
])("$error.name $error.statusCode is $code", async ({ error, code, details }) => {
  const doGenerate = async () => {
    throw Object.assign(new Error("said so"), error);
  };
  const failure = aiSdk(new MockLanguageModelV3({ doGenerate })).generate(ask("?"), testContext());
  await expect(failure).rejects.toMatchObject({ code, details });
});

test("arguments that are no JSON go back as the text they are; errors of tools are told as such", async () => {
  const model = new MockLanguageModelV3({
    doGenerate: { content: [], finishReason: stop, usage, warnings: [] } as never,
  });
  const messages: Message[] = [
    { role: "system", content: "s" },
    { role: "assistant", content: [{ type: "tool-call", id: "c", name: "f", arguments: "{oops" }] },
    {
      role: "tool",
      content: [
        { type: "tool-result", id: "c", name: "f", output: "no JSON", isError: true },
        { type: "tool-result", id: "c", name: "f", output: { json: [1] } },
      ],
    },
  ];
  await aiSdk(model).generate({ messages }, testContext());
  const [system, assistant, tool] = model.doGenerateCalls[0]!.prompt;
  expect(system).toEqual({ role: "system", content: "s" });
  expect(assistant!.content).toMatchObject([{ input: "{oops" }]);
  expect(tool!.content).toMatchObject([
    { output: { type: "error-text", value: "no JSON" } },
    { output: { type: "json", value: [1] } },
  ]);
});

test("a provider that does not tell the tokens has no usage", async () => {
  const unknown = { inputTokens: { total: undefined }, outputTokens: { total: undefined } };
  const model = new MockLanguageModelV3({
    doGenerate: { content: [], finishReason: stop, usage: unknown, warnings: [] } as never,
  });
  expect(await aiSdk(model).generate(ask("?"), testContext())).not.toHaveProperty("usage");
});

test("a model of another interface is refused", () => {
  expect(() => aiSdk({ specificationVersion: "v2" } as never)).toThrow(
    'expected a language model of ai 6 (v3) or 7 (v4), got "v2"',
  );
});
