import { ConfigError } from "@cambium/base";
import { expect, test } from "vitest";
import { ModelError } from "../errors.ts";
import type { ModelRequest } from "../messages/request.ts";
import type { Policy } from "../sources/policy.ts";
import type { Source } from "../sources/source.ts";
import { testServer } from "./server.fixture.ts";

const ASK = { model: "m", input: "hi" };

async function respond(
  policy: Policy | Source,
  body: object,
): Promise<{ readonly status: number; readonly said: string }> {
  const { baseURL } = await testServer({ models: { m: policy } });
  const response = await fetch(`${baseURL}/responses`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, said: await response.text() };
}

/** What the policy is asked. */
async function read(body: object): Promise<ModelRequest> {
  let seen: ModelRequest | undefined;
  const { status, said } = await respond((request) => {
    seen = request;
    return "ok";
  }, body);
  expect(status, said).toBe(200);
  return seen!;
}

const call = { type: "function_call", call_id: "c1", name: "f", arguments: '{"a":1}' };

test("items become the messages that the older format has", async () => {
  const { messages } = await read({
    ...{ model: "m", instructions: "be brief" },
    input: [
      { role: "developer", content: "and kind" },
      {
        role: "user",
        content: [
          { type: "input_text", text: "what is" },
          { type: "input_image", image_url: "data:image/png;base64,AQI=" },
        ],
      },
      { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "wait", annotations: [] }] },
      call,
      { ...call, call_id: "c2" },
      { type: "function_call_output", call_id: "c1", output: "one" },
      { type: "function_call_output", call_id: "c2", output: [{ type: "input_text", text: "two" }] },
      { role: "assistant", content: "so" },
      { role: "user", content: "thanks" },
    ],
  });
  const made = (id: string) => ({ type: "tool-call", id, name: "f", arguments: '{"a":1}' });
  const result = (id: string, output: string) => ({ type: "tool-result", id, name: "f", output });
  expect(messages).toEqual([
    { role: "system", content: "be brief" },
    { role: "system", content: "and kind" },
    {
      role: "user",
      content: [
        { type: "text", text: "what is" },
        { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) },
      ],
    },
    {
      role: "assistant",
      content: [{ type: "reasoning", text: "hm" }, { type: "text", text: "wait" }, made("c1"), made("c2")],
    },
    { role: "tool", content: [result("c1", "one"), result("c2", "two")] },
    { role: "assistant", content: [{ type: "text", text: "so" }] },
    { role: "user", content: "thanks" },
  ]);
});

test("settings, tools and formats are read under their own names", async () => {
  const tools = [{ type: "function", name: "f", description: "does", parameters: { type: "object" }, strict: true }];
  const request = await read({
    ...{ ...ASK, max_output_tokens: 7, temperature: 0.5, top_p: 0.9, top_logprobs: 2, min_p: 0.1, user: "me" },
    ...{ tools, tool_choice: { type: "function", name: "f" }, text: { format: { type: "text" }, verbosity: "low" } },
  });
  expect(request).toMatchObject({
    ...{ maxTokens: 7, temperature: 0.5, topP: 0.9, toolChoice: { tool: "f" } },
    tools: [{ name: "f", description: "does", parameters: { type: "object" }, strict: true }],
    provider: { openai: { top_logprobs: 2, logprobs: true, min_p: 0.1, user: "me", verbosity: "low" } },
  });
  const schema = { type: "object", properties: {} };
  const { format } = await read({ ...ASK, text: { format: { type: "json_schema", name: "n", strict: true, schema } } });
  expect(format).toEqual({ name: "n", schema });
});

const PARTS = [
  { type: "reasoning", text: "hm" },
  { type: "text", text: "a" },
  { type: "text", text: "b" },
  { type: "tool-call", id: "c1", name: "f", arguments: '{"a":1}' },
] as const;

test("a response has an item for each thing that was said, done or thought, and repeats its request", async () => {
  const usage = { inputTokens: 3, outputTokens: 4, reasoningTokens: 1 };
  const { said } = await respond(() => ({ parts: PARTS, usage }), {
    ...ASK,
    metadata: { a: "b" },
  });
  const { output, ...response } = JSON.parse(said);
  expect(output).toMatchObject([
    { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
    { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "ab" }] },
    { type: "function_call", call_id: "c1", name: "f", arguments: '{"a":1}', status: "completed" },
  ]);
  expect(response).toMatchObject({
    ...{ object: "response", status: "completed", error: null, incomplete_details: null, model: "m", store: false },
    ...{ metadata: { a: "b" }, tools: [], tool_choice: "auto", parallel_tool_calls: true },
    usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7, output_tokens_details: { reasoning_tokens: 1 } },
  });
  const { said: nothing } = await respond(() => ({ finish: "length" }), ASK);
  expect(JSON.parse(nothing)).toMatchObject({
    ...{ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    output: [{ type: "message", status: "incomplete", content: [{ type: "output_text", text: "" }] }],
  });
});

/** The events of a stream, each called by its type. */
const eventsOf = (
  said: string,
): { readonly type: string; readonly sequence_number: number; readonly [key: string]: unknown }[] =>
  said
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!;
      const event = JSON.parse(data!);
      expect(event.type).toBe(name);
      return event;
    });

test("events build the response that they end with", async () => {
  const { said } = await respond(() => ({ parts: PARTS }), { ...ASK, stream: true });
  const events = eventsOf(said);
  expect(events.map(({ sequence_number: n }) => n)).toEqual(events.map((_, i) => i));
  const types = events.map(({ type }) => type.replace("response.", ""));
  expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
    ...["created", "in_progress"],
    ...["output_item.added", "reasoning_text.delta", "reasoning_text.done", "output_item.done"],
    ...["output_item.added", "content_part.added", "output_text.delta"],
    ...["output_text.done", "content_part.done", "output_item.done"],
    ...["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"],
    "completed",
  ]);
  const done = events.filter(({ type }) => type === "response.output_item.done");
  expect(done.map(({ output_index: index }) => index)).toEqual([0, 1, 2]);
  expect(events.at(-1)!["response"]).toMatchObject({ output: done.map(({ item }) => item) });
});

test("log-probabilities stand with the text of their tokens, and those of a call with none", async () => {
  const logprob = (token: string) => ({ token, logprob: -1, bytes: null, top_logprobs: [] });
  const provider = (...tokens: string[]) => ({ openai: { logprobs: { content: tokens.map(logprob) } } });
  const made = { type: "tool-call", id: "c1", name: "f", arguments: "{}" } as const;
  const source: Source = {
    ...{ provider: "p", model: "m" },
    generate: async (_, { onPiece }) => {
      const token = (name: string) => onPiece?.({ type: "text", text: "", provider: provider(name) });
      token("o");
      token("k");
      onPiece?.({ type: "text", text: "ok" });
      token("<call>");
      onPiece?.({ type: "tool-call", call: made });
      return {
        content: [{ type: "text", text: "ok" }, made],
        finish: "tool-calls",
        provider: provider("o", "k", "<call>"),
      };
    },
  };
  const whole = JSON.parse((await respond(source, ASK)).said);
  const last = eventsOf((await respond(source, { ...ASK, stream: true })).said).at(-1)!;
  for (const { output } of [whole, last["response"] as typeof whole]) {
    expect(output).toMatchObject([
      { type: "message", content: [{ text: "ok", logprobs: [{ token: "o" }, { token: "k" }] }] },
      { type: "function_call", call_id: "c1" },
    ]);
    expect([output.length, output[0].content[0].logprobs.length]).toEqual([2, 2]);
  }
});

test("what a source says of the older format's fields is said of this one's", async () => {
  const failing = (error: Error): Source => ({ provider: "p", model: "m", generate: () => Promise.reject(error) });
  const long = new ModelError({
    message: "too long",
    status: 400,
    reason: "context_length_exceeded",
    param: "messages",
  });
  const errorOf = async (error: Error) => JSON.parse((await respond(failing(error), ASK)).said).error;
  expect(await errorOf(long)).toMatchObject({ param: "input", code: "context_length_exceeded" });
  const wordy = new ConfigError({ message: "no", param: "verbosity" });
  expect(await errorOf(wordy)).toMatchObject({ param: "text.verbosity", code: "invalid_value" });
});

test("a failure in the middle of a stream is an event", async () => {
  const { baseURL } = await testServer({
    models: {
      m: {
        ...{ provider: "p", model: "m" },
        generate: async (_, { onPiece }) => {
          onPiece!({ type: "text", text: "a" });
          throw new Error("secret");
        },
      },
    },
  });
  const response = await fetch(`${baseURL}/responses`, {
    method: "POST",
    body: JSON.stringify({ ...ASK, stream: true }),
  });
  const events = eventsOf(await response.text());
  expect(events.at(-1)).toMatchObject({ type: "error", code: "internal_error", message: "the server failed" });
});

test.each([
  ["input", {}],
  ["input", { input: [] }],
  ["input", { input: 5 }],
  ["input[0].type", { input: [{ type: "item_reference", id: "msg_1" }] }],
  ["input[0].role", { input: [{ role: "nobody", content: "a" }] }],
  [
    "input[1].content[0]",
    {
      input: [
        { role: "user", content: "a" },
        { role: "user", content: [{ type: "text", text: "a" }] },
      ],
    },
  ],
  ["input[0].call_id", { input: [{ type: "function_call_output", output: "a" }] }],
  ["input[0].call_id", { input: [{ type: "function_call_output", call_id: "c", output: "a" }] }],
  ["input[0].call_id", { input: [{ ...call, call_id: undefined }] }],
  ["input[1].output", { input: [call, { type: "function_call_output", call_id: "c1", output: 5 }] }],
  ["input[1].output[0]", { input: [call, { type: "function_call_output", call_id: "c1", output: [{}] }] }],
  ["input[0]", { input: [{ type: "reasoning", summary: [], encrypted_content: "x" }] }],
  ["tools[0].type", { input: "a", tools: [{ type: "web_search" }] }],
  [
    "tools[1].name",
    {
      input: "a",
      tools: [
        { type: "function", name: "f" },
        { type: "function", name: "f" },
      ],
    },
  ],
  ["tools[0].paramters", { input: "a", tools: [{ type: "function", name: "f", paramters: {} }] }],
  ["text", { input: "a", text: { fromat: { type: "json_object" } } }],
  ["tool_choice", { input: "a", tool_choice: { type: "function", name: "f" } }],
  ["text.format", { input: "a", text: { format: { type: "json_schema", name: "n" } } }],
  ["max_output_tokens", { input: "a", max_output_tokens: 0 }],
  ["max_tokens", { input: "a", max_tokens: 5 }],
  ["messages", { input: "a", messages: [{ role: "user", content: "a" }] }],
  ["store", { input: "a", store: true }],
  ["background", { input: "a", background: true }],
  ["truncation", { input: "a", truncation: "auto" }],
  ["previous_response_id", { input: "a", previous_response_id: "resp_1" }],
  ["conversation", { input: "a", conversation: "conv_1" }],
  ["reasoning.effort", { input: "a", reasoning: { effort: "high" } }],
  ["include[0]", { input: "a", include: ["reasoning.encrypted_content"] }],
  ["temperature", { input: "a", temperature: -1 }],
])("%s is named where it is wrong: %j", async (param, body) => {
  const { status, said } = await respond(() => "ok", { model: "m", ...body });
  expect(status).toBe(400);
  expect(JSON.parse(said).error).toMatchObject({ param, type: "invalid_request_error" });
  expect(JSON.parse(said).error.message).toContain(`${param}: `);
});
