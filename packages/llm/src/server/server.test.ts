import { StateError } from "@cambium/base";
import { expect, test } from "vitest";
import { textOf } from "../messages/message.ts";
import type { ModelRequest } from "../messages/request.ts";
import type { Policy } from "../sources/policy.ts";
import { scripted } from "../sources/scripted.ts";
import { hashEmbedding } from "./embedding.ts";
import { testServer } from "./server.fixture.ts";
import type { ServerOptions } from "./server.ts";

const echo: Policy = ({ messages }) => textOf(messages.at(-1)!.content);

async function send(
  options: Partial<ServerOptions>,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const { baseURL } = await testServer({ models: { echo }, ...options });
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${baseURL}${path}`, { method: "POST", body: text, headers });
  const said = await response.text();
  return { status: response.status, said, json: () => JSON.parse(said), headers: response.headers };
}

const chat = (more: object = {}) => ({ model: "echo", messages: [{ role: "user", content: "hi there" }], ...more });

test("a policy gets the request in this library's form", async () => {
  let seen: ModelRequest | undefined;
  const policy: Policy = (request) => {
    seen = request;
    return "ok";
  };
  const messages = [
    { role: "developer", content: "be brief" },
    {
      role: "user",
      content: [
        { type: "text", text: "a" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AQI=" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      tool_calls: [1, 2].map((n) => ({ id: `c${n}`, type: "function", function: { name: `f${n}`, arguments: "{}" } })),
    },
    { role: "tool", tool_call_id: "c2", content: "two" },
    { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "one" }] },
  ];
  const tools = [{ type: "function", function: { name: "f1", parameters: { type: "object" } } }];
  const options = {
    max_tokens: 5,
    temperature: 0,
    stop: "END",
    tool_choice: { type: "function", function: { name: "f1" } },
  };
  await send({ models: { echo: policy } }, "/chat/completions", { model: "echo", messages, tools, ...options });
  expect(seen).toEqual({
    messages: [
      { role: "system", content: "be brief" },
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "c1", name: "f1", arguments: "{}" },
          { type: "tool-call", id: "c2", name: "f2", arguments: "{}" },
        ],
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", id: "c2", name: "f2", output: "two" },
          { type: "tool-result", id: "c1", name: "f1", output: "one" },
        ],
      },
    ],
    tools: [{ name: "f1", parameters: { type: "object" } }],
    toolChoice: { tool: "f1" },
    ...{ maxTokens: 5, temperature: 0, stop: ["END"] },
  });
});

test("a reply has the format's fields", async () => {
  const { status, json } = await send({ createId: () => "7" }, "/chat/completions", chat());
  expect(status).toBe(200);
  expect(json()).toMatchObject({
    id: "chatcmpl-7",
    object: "chat.completion",
    model: "echo",
    choices: [{ index: 0, message: { role: "assistant", content: "hi there" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
  });
});

test("a stream ends with the reason, the tokens if asked for, and the mark", async () => {
  const { said, headers } = await send(
    {},
    "/chat/completions",
    chat({ stream: true, stream_options: { include_usage: true } }),
  );
  expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const data = said
    .trim()
    .split("\n\n")
    .map((event) => event.replace("data: ", ""));
  expect(data.pop()).toBe("[DONE]");
  const chunks = data.map((text) => JSON.parse(text));
  expect(chunks.map(({ choices }) => choices[0]?.delta.content).join("")).toBe("hi there");
  expect(chunks.at(-2).choices[0].finish_reason).toBe("stop");
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 4 } });
  expect((await send({}, "/chat/completions", chat({ stream: true }))).said).not.toContain("usage");
});

test.for([
  { body: "{", status: 400, says: "no JSON" },
  { body: `${"[".repeat(100_000)}`, status: 400, says: "more than 500 values one inside of the other" },
  { body: JSON.stringify({ text: "[".repeat(1000) }), status: 400, says: "messages" },
  { body: {}, status: 400, says: "messages" },
  { body: { ...chat(), model: "other" }, status: 404, says: 'no model \\"other\\"; there are echo' },
  { body: { ...chat(), messages: [{ role: "user", content: [{ type: "dance" }] }] }, status: 400, says: "dance" },
  { body: { ...chat(), n: 2 }, status: 400, says: "n: only one choice is given" },
  { body: { ...chat(), n: 0 }, status: 400, says: "n: only one choice is given" },
  { body: { ...chat(), n: 1 }, status: 200, says: "hi there" },
  { body: { ...chat(), n: null }, status: 200, says: "hi there" },
])("a request is answered with $status, and what is wrong with it is told ($says)", async ({ body, status, says }) => {
  const answer = await send({}, "/chat/completions", body);
  expect(answer.status).toBe(status);
  expect(answer.said).toContain(says);
});

test("a policy's failures are statuses", async () => {
  const policy = scripted([{ reply: { error: { status: 429, retryAfterMs: 1500 } } }]);
  const { status, headers } = await send({ models: { echo: policy } }, "/chat/completions", chat());
  expect([status, headers.get("retry-after"), headers.get("retry-after-ms")]).toEqual([429, "2", "1500"]);
  const broken: Policy = () => {
    throw new TypeError("secret detail");
  };
  const answer = await send({ models: { echo: broken } }, "/chat/completions", chat());
  expect([answer.status, answer.json().error.message]).toEqual([500, "the server failed"]);
});

test("without the key nothing is answered", async () => {
  expect((await send({ apiKey: "k" }, "/chat/completions", chat())).status).toBe(401);
  expect((await send({ apiKey: "k" }, "/chat/completions", chat(), { authorization: "Bearer k" })).status).toBe(200);
});

test("a request that is too large is refused", async () => {
  expect((await send({ maxBodyBytes: 50 }, "/chat/completions", chat())).status).toBe(413);
});

test("failures are written as OpenAI writes them, and those of the server are told to it", async () => {
  const errors: unknown[] = [];
  const broken: Policy = ({ messages }) => {
    throw textOf(messages[0]!.content) === "hi there" ? new TypeError("bug") : new StateError({ message: "not now" });
  };
  const options = { models: { echo: broken }, onError: (error: unknown) => void errors.push(error) };
  expect((await send(options, "/chat/completions", chat())).json()).toEqual({
    error: { message: "the server failed", type: "server_error", param: null, code: "internal_error" },
  });
  const other = chat({ messages: [{ role: "user", content: "?" }] });
  expect((await send(options, "/chat/completions", other)).json().error).toMatchObject({
    type: "server_error",
    code: "state",
  });
  expect(errors.map((error) => (error as Error).message)).toEqual(["bug", "not now"]);
  expect((await send({}, "/chat/completions", chat({ top_p: 2 }))).json()).toMatchObject({
    error: { type: "invalid_request_error", param: "top_p", code: "invalid_value" },
  });
  expect((await send({}, "/chat/completions", { ...chat(), model: "x" })).json().error).toMatchObject({
    param: "model",
  });
  expect((await send({}, "/embeddings", { input: [[1]] })).json().error).toMatchObject({ param: "input" });
  expect((await send({}, "/completions", { model: "echo", prompt: "a" })).json().error).toMatchObject({
    param: "model",
  });
  expect((await send({}, "/embeddings", "null")).status).toBe(400);
});

test("a path that is asked in another way says which, and a slash at its end is as none", async () => {
  const { baseURL } = await testServer({ models: { echo } });
  const wrong = await fetch(`${baseURL}/chat/completions`);
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await fetch(`${baseURL}/models/`)).status).toBe(200);
});

test("a body that is no UTF-8 is refused", async () => {
  const { baseURL } = await testServer({ models: { echo } });
  const body = Buffer.from(JSON.stringify(chat()).replace("hi", "\xff"), "latin1");
  const response = await fetch(`${baseURL}/chat/completions`, { method: "POST", body });
  expect([response.status, (await response.json()).error.code]).toEqual([400, "invalid_value"]);
});

test("models are listed, and unknown paths told", async () => {
  const { baseURL } = await testServer({ models: { echo } });
  const list = await (await fetch(`${baseURL}/models`)).json();
  expect(list.data.map(({ id }: { id: string }) => id)).toEqual(["echo", "hash"]);
  expect((await fetch(`${baseURL}/nothing`)).status).toBe(404);
});

test.each(["echo", "org/model-7b", "ein Modell", "hash"])("the model %j is described under its path", async (id) => {
  const { baseURL } = await testServer({ models: { echo, "org/model-7b": echo, "ein Modell": echo } });
  for (const path of [encodeURIComponent(id), encodeURI(id)]) {
    const response = await fetch(`${baseURL}/models/${path}`);
    expect(await response.json()).toMatchObject({ id, object: "model", owned_by: "cambium" });
  }
});

test("a model that is not there is told so", async () => {
  const { baseURL } = await testServer({ models: { echo } });
  for (const path of ["nobody", "constructor", "%", "%ff"]) {
    const response = await fetch(`${baseURL}/models/${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: "model_not_found" } });
  }
});

test("a plan of faults that throws ends the connection, not the server", async () => {
  const faults = ({ index }: { readonly index: number }): undefined => {
    if (index === 0) throw Object.create(null);
  };
  const { baseURL } = await testServer({ models: { echo }, faults });
  await expect(fetch(`${baseURL}/models`)).rejects.toThrow();
  expect((await fetch(`${baseURL}/models`)).status).toBe(200);
});

test("embeddings come as numbers or base64, as many as texts, with the dimensions asked for", async () => {
  const numbers = await send({}, "/embeddings", { input: ["a cat", "a dog"], model: "hash", dimensions: 8 });
  const vectors = numbers.json().data.map(({ embedding }: { embedding: number[] }) => embedding);
  expect(vectors).toEqual([Array.from(hashEmbedding("a cat", 8)), Array.from(hashEmbedding("a dog", 8))]);
  const packed = await send({}, "/embeddings", { input: "a cat", dimensions: 8, encoding_format: "base64" });
  const bytes = Buffer.from(packed.json().data[0].embedding, "base64");
  expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(hashEmbedding("a cat", 8));
  expect((await send({}, "/embeddings", { input: [1] })).status).toBe(400);
  expect((await send({}, "/embeddings", { input: "a", dimensions: 0 })).status).toBe(400);
  expect((await send({}, "/embeddings", { input: "a", dimensions: null, user: "u" })).status).toBe(200);
  const typo = (await send({}, "/embeddings", { input: "a", dimension: 8 })).json();
  expect(typo.error).toMatchObject({ param: "dimension", message: expect.stringContaining('is "dimensions" meant?') });
});

test("hashed embeddings have length one, and texts that share words are nearer", () => {
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const [a, b, c] = ["convert metres to feet", "convert feet to metres", "weather in Paris today"].map((text) =>
    hashEmbedding(text),
  );
  expect(dot(a!, a!)).toBeCloseTo(1, 6);
  expect(dot(a!, b!)).toBeGreaterThan(0.7);
  expect(dot(a!, c!)).toBeLessThan(0.3);
  expect(hashEmbedding("")).toEqual(new Float32Array(256));
});

test("when the client hangs up, the policy's signal is aborted", async () => {
  const stop = new AbortController();
  let told: () => void = () => {};
  const aborted = new Promise<void>((resolve) => {
    told = resolve;
  });
  const policy: Policy = (_, { signal }) => {
    signal.addEventListener("abort", () => told());
    stop.abort();
    return new Promise(() => {});
  };
  const { baseURL } = await testServer({ models: { echo: policy } });
  await fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    body: JSON.stringify(chat()),
    signal: stop.signal,
  }).catch(() => {});
  await aborted;
});
