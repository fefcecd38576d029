/** `cambium serve` with the clients that people use: OpenAI's own and the AI SDK's, against a model in files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { useBackend } from "@cambium/core";
import { embed, generateObject, generateText, streamText, tool } from "ai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { type Served, serve, writeModels } from "./served.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-serve-"));
afterAll(() => rmSync(folder, { recursive: true }));
const messages = [{ role: "user" as const, content: "Name three fruits." }];

beforeAll(async () => {
  await useBackend("cpu");
  await writeModels(folder);
});

const weather = {
  type: "object",
  properties: { city: { type: "string", enum: ["Paris", "Rome"] }, days: { type: "integer", minimum: 1, maximum: 9 } },
  required: ["city", "days"],
  additionalProperties: false,
} as const;

describe("clients of a server", () => {
  let server: Served;
  let client: OpenAI;
  let provider: ReturnType<typeof createOpenAICompatible>;
  beforeAll(async () => {
    const adapters = ["pirate", "poet", "slow"].flatMap((name) => ["--adapter", `${name}=${name}`]);
    const args = [
      "--model",
      "tiny",
      ...adapters,
      "--embeddings",
      "encoder",
      "--api-key",
      "secret",
      "--cors",
      "https://example.org",
    ];
    server = await serve(folder, args);
    client = new OpenAI({ baseURL: server.baseURL, apiKey: "secret", maxRetries: 0 });
    provider = createOpenAICompatible({
      name: "cambium",
      baseURL: server.baseURL,
      apiKey: "secret",
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
  });
  afterAll(async () => {
    server.child.kill("SIGKILL");
    await server.ended;
  });

  const ask = async (model: string, content = "Name three fruits.", more: object = {}) =>
    client.chat.completions.create({ model, messages: [{ role: "user", content }], max_tokens: 12, ...more });
  const textOf = async (model: string, content?: string): Promise<string> =>
    (await ask(model, content)).choices[0]!.message.content!;

  test("models are listed under their names", async () => {
    const names = [];
    for await (const { id } of client.models.list()) names.push(id);
    expect(names).toEqual(["tiny", "pirate", "poet", "slow", "encoder"]);
    expect(await client.models.retrieve("poet")).toMatchObject({ id: "poet", object: "model" });
  });

  test("a chat, whole and streamed, is the same text with the same counts", async () => {
    const whole = await ask("tiny");
    const [{ message, finish_reason }] = whole.choices as [(typeof whole.choices)[0]];
    expect(finish_reason).toBe("length");
    expect(whole.usage).toMatchObject({ completion_tokens: 12, total_tokens: 12 + whole.usage!.prompt_tokens });
    const stream = await client.chat.completions.create({
      ...{ model: "tiny", messages, max_tokens: 12 },
      ...{ stream: true, stream_options: { include_usage: true } },
    });
    let text = "";
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(message.content);
    expect(usage).toMatchObject({ completion_tokens: 12, prompt_tokens: whole.usage!.prompt_tokens });
  });

  test("log-probabilities stand beside the tokens, whole and streamed", async () => {
    const more = { logprobs: true, top_logprobs: 3, max_tokens: 4 };
    const whole = await ask("tiny", undefined, more);
    const content = whole.choices[0]!.logprobs!.content!;
    expect(content.map(({ token }) => token).join("")).toBe(whole.choices[0]!.message.content);
    for (const { logprob, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]!.logprob).toBe(logprob);
    }
    const stream = await client.chat.completions.create({ model: "tiny", messages, ...more, stream: true });
    const streamed = [];
    for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(content);
  });

  test("a tool that must be called is called with arguments that fit, through the helper that runs tools too", async () => {
    const tools = [
      { type: "function" as const, function: { name: "weather", description: "Tells it.", parameters: weather } },
    ];
    const { choices } = await ask("tiny", undefined, { tools, tool_choice: "required", max_tokens: 300 });
    const [call] = choices[0]!.message.tool_calls!;
    expect([choices[0]!.finish_reason, choices[0]!.message.content]).toEqual(["tool_calls", null]);
    const given = JSON.parse((call as { readonly function: { readonly arguments: string } }).function.arguments);
    expect(weather.properties.city.enum).toContain(given.city);

    const answered = await client.chat.completions.create({
      model: "tiny",
      max_tokens: 8,
      messages: [...messages, choices[0]!.message, { role: "tool", tool_call_id: call!.id, content: "Sunny." }],
      tools,
      tool_choice: "none",
    });
    expect(answered.choices[0]!.message.content).not.toBe("");
    expect(answered.usage!.prompt_tokens).toBeGreaterThan(100); // the call and its result were read
  });

  test("replies in a format are JSON of it", async () => {
    const format = { type: "json_schema", json_schema: { name: "weather", strict: true, schema: weather } };
    const { choices } = await ask("poet", undefined, { response_format: format, max_tokens: 200 });
    expect(JSON.parse(choices[0]!.message.content!)).toMatchObject({ city: expect.stringMatching(/^(Paris|Rome)$/) });
  });

  test("texts are continued, whole and streamed", async () => {
    const whole = await client.completions.create({ model: "pirate", prompt: "Once upon", max_tokens: 6, logprobs: 1 });
    expect(whole.choices[0]).toMatchObject({ finish_reason: "length", logprobs: { tokens: expect.any(Array) } });
    const stream = await client.completions.create({
      model: "pirate",
      prompt: "Once upon",
      max_tokens: 6,
      stream: true,
    });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.text ?? "";
    expect(text).toBe(whole.choices[0]!.text);
  });

  test("embeddings come from the model that makes them", async () => {
    const { data, usage } = await client.embeddings.create({ model: "encoder", input: ["a cat", "a dog"] });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([12, 12]);
    expect(usage.prompt_tokens).toBe(10); // bytes
    await expect(client.embeddings.create({ model: "tiny", input: "a" })).rejects.toMatchObject({ status: 404 });
    const long = client.embeddings.create({ model: "encoder", input: ["a cat", "a".repeat(65)] });
    await expect(long).rejects.toMatchObject({ status: 400, code: "context_length_exceeded", param: "input[1]" });
  });

  test("adapters answer under their names, each as it does alone, however they are mixed", async () => {
    const names = ["tiny", "pirate", "poet", "slow"];
    const alone: string[] = [];
    for (const name of names) alone.push(await textOf(name));
    expect(new Set(alone).size).toBe(names.length);
    const mixed = await Promise.all([...names, ...names].map((name) => textOf(name)));
    expect(mixed).toEqual([...alone, ...alone]);
  });

  test("sixteen clients at once get the texts that each gets alone", async () => {
    const questions = Array.from({ length: 16 }, (_, i) => `Question ${i}: ${"why ".repeat(i)}?`);
    const alone: string[] = [];
    for (const question of questions) alone.push(await textOf("tiny", question));
    expect(await Promise.all(questions.map((question) => textOf("tiny", question)))).toEqual(alone);
  });

  test("the AI SDK chats, streams, calls tools, makes objects and embeds", async () => {
    const model = provider("tiny");
    const { text } = await generateText({ model, prompt: "Name three fruits.", maxOutputTokens: 12 });
    expect(text).toBe(await textOf("tiny"));
    const stream = streamText({ model, prompt: "Name three fruits.", maxOutputTokens: 12 });
    let streamed = "";
    for await (const piece of stream.textStream) streamed += piece;
    expect(streamed).toBe(text);
    expect((await stream.usage).outputTokens).toBe(12);
    const schema = z.object({ city: z.enum(["Paris", "Rome"]), days: z.int().min(1).max(9) });
    const inform = tool({
      description: "Tells the weather.",
      inputSchema: schema,
      execute: async ({ city }) => `Sunny in ${city}.`,
    });
    const called = await generateText({ model, prompt: "Rome?", tools: { inform }, toolChoice: "required" });
    const { input, output } = called.toolResults[0]!;
    expect(schema.safeParse(input).success).toBe(true);
    expect(output).toBe(`Sunny in ${schema.parse(input).city}.`);
    const made = await generateObject({ model, prompt: "Rome?", schema });
    expect(schema.safeParse(made.object).success).toBe(true);
    const { embedding } = await embed({ model: provider.embeddingModel("encoder"), value: "a cat" });
    expect(embedding).toHaveLength(12);
  });

  test.each<[string, object, string]>([
    ["a model that is not there", { model: "nobody" }, "no model"],
    ["two choices", { n: 2 }, "only one choice"],
    ["a bias", { logit_bias: { 5: 100 } }, "logit_bias"],
    ["a field that nobody knows", { min_pp: 1 }, 'is "min_p" meant?'],
    [
      "a conversation that is too long",
      { messages: [{ role: "user", content: "a".repeat(3000) }] },
      "maximum context length is 2048 tokens",
    ],
  ])("%s is refused in the format's words", async (_, more, says) => {
    const failure = await ask("tiny", undefined, more).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAI.APIError);
    const { status, message } = failure as InstanceType<typeof OpenAI.APIError>;
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(message).toContain(says);
  });

  test("without the key nothing is answered but to the origins that may ask, and /health tells what is at work", async () => {
    const wrong = new OpenAI({ baseURL: server.baseURL, apiKey: "other", maxRetries: 0 });
    await expect(wrong.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    const address = server.baseURL.replace("/v1", "/health");
    const headers = { authorization: "Bearer secret", origin: "https://example.org" };
    const response = await fetch(address, { headers });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://example.org");
    expect(await response.json()).toMatchObject({ status: "ok", running: 0, waiting: 0 });
    const other = await fetch(address, { headers: { ...headers, origin: "https://example.com" } });
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("a client that hangs up frees its place", async () => {
    const stop = new AbortController();
    const stream = await client.chat.completions.create(
      { model: "tiny", messages, stream: true, max_tokens: 1900 },
      { signal: stop.signal },
    );
    for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? "") !== "") break;
    stop.abort();
    const load = async () =>
      (await fetch(server.baseURL.replace("/v1", "/health"), { headers: { authorization: "Bearer secret" } })).json();
    while ((await load()).running > 0) await wait(20);
    expect(await load()).toMatchObject({ running: 0, waiting: 0 });
  });
});

test("more requests than may wait are told to come again", async () => {
  const server = await serve(folder, ["--model", "tiny", "--max-batch", "1", "--max-waiting", "1"]);
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: "any", maxRetries: 0 });
  const ask = () => client.chat.completions.create({ model: "tiny", messages, max_tokens: 1000 });
  const answers = await Promise.allSettled([ask(), ask(), ask(), ask()]);
  const refused = answers.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  expect(refused).toHaveLength(2);
  for (const error of refused) {
    expect(error).toMatchObject({ status: 503 });
    expect(error.headers.get("retry-after")).toBe("1");
  }
  // OpenAI's client comes again by itself.
  const patient = new OpenAI({ baseURL: server.baseURL, apiKey: "any", maxRetries: 5 });
  const all = await Promise.all(
    [1, 2, 3, 4].map(() => patient.chat.completions.create({ model: "tiny", messages, max_tokens: 50 })),
  );
  expect(new Set(all.map(({ choices }) => choices[0]!.message.content)).size).toBe(1);
  server.child.kill("SIGKILL");
  expect(await server.ended).toBeNull();
});

test("a server that is stopped lets the answers under way end, and takes no more", async () => {
  const server = await serve(folder, ["--model", "tiny"]);
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: "any", maxRetries: 0 });
  const stream = await client.chat.completions.create({ model: "tiny", messages, max_tokens: 400, stream: true });
  const accepts = () =>
    fetch(server.baseURL).then(
      () => true,
      () => false,
    );
  let count = 0;
  for await (const chunk of stream) {
    if ((chunk.choices[0]?.delta.content ?? "") === "") continue;
    count++;
    if (count === 1) {
      expect(await accepts()).toBe(true);
      server.child.kill("SIGTERM");
      while (await accepts()) await wait(5);
      expect(server.lines.filter(({ path }) => path === "/v1/chat/completions")).toEqual([]); // still under way
    }
  }
  expect(count).toBeGreaterThan(300);
  expect(await server.ended).toBe(130);
  expect(server.lines.at(-1)).toMatchObject({ type: "request", path: "/v1/chat/completions" });
});

test("a second signal stops at once", async () => {
  const server = await serve(folder, ["--model", "tiny"]);
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: "any", maxRetries: 0 });
  const stream = await client.chat.completions.create({ model: "tiny", messages, max_tokens: 1900, stream: true });
  await expect(
    (async () => {
      let count = 0;
      // Two signals at the same moment may arrive as one, so each further piece sends one more.
      for await (const _ of stream) if (++count >= 2) server.child.kill("SIGINT");
    })(),
  ).rejects.toThrow();
  expect(await server.ended).toBe(130);
});
