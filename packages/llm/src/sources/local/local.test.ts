import { disposeParameters, useBackend } from "@cambium/core";
import { generate, type LanguageModel, type Tokenizer } from "@cambium/models";
import { tinyChat } from "@cambium/models/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../calls/clock.ts";
import type { Piece } from "../../chat-model.ts";
import { textOf } from "../../messages/message.ts";
import type { ModelRequest, Reply } from "../../messages/request.ts";
import { openModels } from "../../open-models.ts";
import { local } from "./local.ts";
import type { LocalOptions } from "./options.ts";

let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(async () => {
  await useBackend("cpu");
  ({ model, tokenizer } = tinyChat());
});
afterAll(() => disposeParameters(model.parameters));

/** Hundreds of tokens on the plain backend take seconds, and longer where others work too. Milliseconds. */
const SLOW = 120_000;

const messages = [{ role: "user", content: "Name three fruits." }] as const;

async function ask(
  request: Partial<ModelRequest>,
  options: LocalOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly reply: Reply; readonly pieces: readonly Piece[] }> {
  const source = local(model, tokenizer, options);
  onTestFinished(() => source.close());
  const pieces: Piece[] = [];
  let ids = 0;
  const context = {
    signal,
    clock: systemClock,
    createId: () => `call-${ids++}`,
    onPiece: (piece: Piece) => void pieces.push(piece),
  };
  return { reply: await source.generate({ messages, maxTokens: 8, ...request }, context), pieces };
}

async function expected(options: object): Promise<string> {
  let text = "";
  for await (const piece of generate(model, tokenizer, [...messages], options)) text += piece.text;
  return text;
}

test("a conversation is answered as generate answers it, with its pieces and its tokens", async () => {
  const { reply, pieces } = await ask({});
  const text = await expected({ maxTokens: 8 });
  expect(reply).toEqual({
    content: [{ type: "text", text }],
    finish: "length",
    usage: {
      inputTokens: tokenizer.chat([...messages], { addGenerationPrompt: true }).ids.length,
      outputTokens: 8,
      cacheReadTokens: 0,
    },
  });
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.map((piece) => (piece.type === "text" ? piece.text : "?")).join("")).toBe(text);
});

test("a call through openModels is stored under the model's weights", async () => {
  const llm = await openModels({ store: ":memory:", budget: { tokens: 10_000 } });
  onTestFinished(() => llm.close());
  const other = tinyChat({ seed: 2 });
  onTestFinished(() => disposeParameters(other.model.parameters));
  const sources = [
    local(model, tokenizer),
    local(model, tokenizer),
    local(other.model, other.tokenizer),
    local(model, tokenizer, { temperature: 1 }),
    local(model, tokenizer, { loosen: () => {} }),
  ];
  const keys: string[] = [];
  const cached: boolean[] = [];
  for (const source of sources) {
    const result = await llm.model(source).call({ messages, maxTokens: 4, seed: 1 });
    keys.push(result.key);
    cached.push(result.cached);
    await source.close();
  }
  expect(cached).toEqual([false, true, false, false, false]);
  expect(new Set(keys).size).toBe(4);
});

const weather = {
  name: "weather",
  description: "Tells the weather.",
  parameters: {
    type: "object",
    properties: { city: { enum: ["Paris", "Rome"] }, days: { $ref: "#/$defs/days" } },
    required: ["city", "days"],
    $defs: { days: { type: "integer", minimum: 1, maximum: 9 } },
  },
} as const;
const time = { name: "time", parameters: { type: "object", properties: {}, additionalProperties: false } } as const;

test.each(["required", { tool: "weather" }] as const)(
  "a reply that must call a tool does, and its arguments fit: %j",
  async (toolChoice) => {
    const tools = toolChoice === "required" ? [weather] : [time, weather];
    const { reply, pieces } = await ask({ tools, toolChoice, maxTokens: 200 });
    expect(reply.finish).toBe("tool-calls");
    const [call, ...rest] = reply.content;
    expect(rest).toEqual([]);
    expect(call).toMatchObject({ type: "tool-call", id: "call-0", name: "weather" });
    const given = JSON.parse((call as { readonly arguments: string }).arguments);
    expect(["Paris", "Rome"]).toContain(given.city);
    expect(given.days).toBeGreaterThanOrEqual(1);
    expect(pieces).toEqual([{ type: "tool-call", call }]);
  },
  SLOW,
);

test("fields by names that every object has are unknown fields", async () => {
  await expect(ask({ provider: { openai: { constructor: 1 } } })).rejects.toThrow('"constructor" is not supported');
  await expect(ask({ tools: [time, time] })).rejects.toThrow('two tools are called "time"');
  await expect(ask({ tools: [{ ...time, name: "" }] })).rejects.toThrow("a tool needs a name");
});

test(
  "tools that may be called are told of in the system message, where the template writes none",
  async () => {
    const { reply } = await ask({ tools: [weather, time], maxTokens: 4 });
    const none = await ask({ tools: [weather, time], toolChoice: "none", maxTokens: 4 });
    const plain = await ask({ maxTokens: 4 });
    expect(none.reply).toEqual(plain.reply);
    const told = reply.usage!.inputTokens - plain.reply.usage!.inputTokens;
    expect(told).toBeGreaterThan(JSON.stringify(weather).length);
  },
  SLOW,
);

test.each([
  {},
  {
    schema: {
      type: "object",
      properties: { fruits: { type: "array", items: { enum: ["fig"] }, maxItems: 2 } },
      required: ["fruits"],
    },
  },
])("a reply in a format is JSON of it: %j", async (format) => {
  const { reply } = await ask({ format, maxTokens: 400 });
  const text = textOf(reply.content);
  if (reply.finish === "length") return; // any JSON may go on for ever
  const value = JSON.parse(text);
  if ("schema" in format) expect(value.fruits.every((each: string) => each === "fig")).toBe(true);
  else expect(typeof value).toBe("object");
});

interface WireToken {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
}

test("log-probabilities come with the tokens, in pieces and in the reply", async () => {
  const provider = { openai: { logprobs: true, top_logprobs: 2, user: "me", logit_bias: {} } };
  const { reply, pieces } = await ask({ provider, maxTokens: 3 });
  const { content } = reply.provider!["openai"]!["logprobs"] as unknown as { readonly content: readonly WireToken[] };
  expect(content).toHaveLength(3);
  for (const { token, logprob, bytes, top_logprobs } of content) {
    expect(logprob).toBeLessThan(0);
    expect(Buffer.from(bytes).toString()).toBe(token);
    expect(top_logprobs).toHaveLength(2);
    expect(top_logprobs[0]).toMatchObject({ token, logprob }); // greedy
  }
  const shown = pieces.flatMap((piece) =>
    piece.type === "text" && piece.provider !== undefined ? [piece.provider["openai"]!["logprobs"]] : [],
  );
  expect(shown).toEqual(content.map((each) => ({ content: [each], refusal: null })));
});

test.each<[string, Partial<ModelRequest>, string]>([
  [
    "an image",
    { messages: [{ role: "user", content: [{ type: "file", mediaType: "image/png", data: new Uint8Array(1) }] }] },
    "reads text only",
  ],
  [
    "a field that nobody knows",
    { provider: { openai: { min_pp: 0.1 } } },
    'the field "min_pp" is not supported; is "min_p" meant?',
  ],
  ["a bias", { provider: { openai: { logit_bias: { 5: 100 } } } }, '"logit_bias" is not supported at {"5":100}'],
  [
    "arguments that are no object",
    { tools: [time, { name: "say", parameters: { type: "string" } }] },
    'the parameters of the tool "say" are of the type "string"',
  ],
  ["a tool that is not declared", { tools: [time], toolChoice: { tool: "weather" } }, 'toolChoice wants "weather"'],
  ["calls without tools", { toolChoice: "required" }, "toolChoice wants some tool"],
  ["a format beside tools", { tools: [time], format: {} }, "a format is of the whole reply"],
  ["a schema that cannot be followed", { format: { schema: { type: "integer", multipleOf: 2 } } }, "multipleOf"],
  ["a probability above 1", { topP: 2, temperature: 1 }, "topP"],
  ["more alternatives than there are", { provider: { openai: { logprobs: true, top_logprobs: 21 } } }, "from 0 to 20"],
])("%s is refused by name", async (_, request, says) => {
  await expect(ask(request)).rejects.toMatchObject({ code: "CONFIG", message: expect.stringContaining(says) });
});

test("what cannot be followed of a tool's schema is left out where somebody is told, by the tool's name", async () => {
  const told: string[] = [];
  const tools = ["first", "second"].map((name) => ({
    name,
    parameters: {
      type: "object",
      properties: { n: { type: "integer", multipleOf: name === "first" ? 1 : 2 } },
      required: ["n"],
    },
  }));
  const request: Partial<ModelRequest> = { tools, toolChoice: { tool: "second" }, maxTokens: 2 };
  await expect(ask(request)).rejects.toMatchObject({
    details: { param: "tools[1].function.parameters" },
    message: expect.stringContaining("multipleOf"),
  });
  expect((await ask(request, { loosen: (problem) => told.push(problem) })).reply.finish).toBe("length");
  expect(told).toEqual([
    'the schema at #/properties/n has the keyword "multipleOf", which is not supported, in the parameters of the tool "second"',
  ]);
  await expect(ask(request)).rejects.toMatchObject({ code: "CONFIG" }); // what was compiled loosely is not taken for the other
});

test("a prompt that is too long is the provider's refusal", async () => {
  await expect(ask({}, { maxLength: 10 })).rejects.toMatchObject({
    code: "MODEL_ERROR",
    details: { status: 400, reason: "context_length_exceeded", charged: false },
  });
});

test("more calls than may wait are asked to come again", async () => {
  const source = local(model, tokenizer, { maxBatch: 1, maxWaiting: 0 });
  onTestFinished(() => source.close());
  const context = { signal: new AbortController().signal, clock: systemClock, createId: () => "1" };
  const first = source.generate({ messages, maxTokens: 5 }, context);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await expect(source.generate({ messages }, context)).rejects.toMatchObject({
    code: "UNAVAILABLE",
    details: { status: 503, waitMs: 1000, charged: false },
  });
  expect((await first).finish).toBe("length");
});

test("an aborted call is cancelled", async () => {
  const stop = new AbortController();
  const call = ask({ maxTokens: 2000 }, {}, stop.signal);
  setTimeout(() => stop.abort(), 20);
  await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
});

test("drawn replies follow the seed and the number of the sample", async () => {
  const drawn = async (request: Partial<ModelRequest>) => (await ask({ temperature: 1, ...request })).reply.content;
  const one = await drawn({ seed: 1 });
  expect(await drawn({ seed: 1 })).toEqual(one);
  expect(await drawn({ seed: 2 })).not.toEqual(one);
  expect(await drawn({ seed: 1, sample: 1 })).not.toEqual(one);
});

test.each<[LocalOptions, string]>([
  [{ nam: "a" } as never, "nam"],
  [{ maxBatch: 0 }, "maxBatch"],
  [{ delta: -2 }, "delta"],
])("options that cannot be meant are refused: %j", async (options, says) => {
  await expect((async () => ask({}, options))()).rejects.toThrow(says);
});
