import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonObject } from "@cambium/base";
import { expect, onTestFinished, test } from "vitest";
import type { Piece } from "../chat-model.ts";
import type { Message } from "../messages/message.ts";
import type { Reply } from "../messages/request.ts";
import { ask, testContext } from "../open-models.fixture.ts";
import type { Fault } from "../server/fault.ts";
import { testServer } from "../server/server.fixture.ts";
import { openai } from "./openai.ts";

interface Seen {
  readonly body: JsonObject;
  readonly headers: IncomingMessage["headers"];
}

/** A server that answers with fixed bytes, for replies that ours would not give. */
async function raw(answer: (response: ServerResponse) => void): Promise<{ baseURL: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ body: JSON.parse(Buffer.concat(chunks).toString()), headers: request.headers });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen };
}

const json =
  (body: unknown, headers: object = {}) =>
  (response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };

const events =
  (...chunks: string[]) =>
  (response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "text/event-stream" }).end(chunks.join(""));
  };

const said = (content: string): object => ({
  choices: [{ message: { role: "assistant", content }, finish_reason: "stop" }],
});

/** A reply with everything, and its pieces when streamed. */
const full = { reasoning: "let me see", text: "Grüße 👋 ok", toolCalls: [{ name: "f", arguments: { a: 1 } }] };

async function askServer(fault: Fault | undefined, streamed: boolean): Promise<Reply> {
  const server = await testServer({ models: { m: () => full }, faults: () => fault });
  const pieces: Piece[] = [];
  const context = testContext(streamed ? { onPiece: (piece) => pieces.push(piece) } : {});
  const reply = await openai("m", { baseURL: server.baseURL, maxBodyBytes: 1e6 }).generate(ask("?"), context);
  const texts = pieces.map((piece) => (piece.type === "text" ? piece.text : ""));
  if (streamed) expect(texts.join("")).toBe(full.text);
  return reply;
}

test.for([false, true])("a reply arrives with all its parts (streamed: %s)", async (streamed) => {
  const { content, finish, usage, model, id } = await askServer(undefined, streamed);
  expect(content).toMatchObject([
    { type: "reasoning", text: "let me see" },
    { type: "text", text: "Grüße 👋 ok" },
    { type: "tool-call", name: "f", arguments: '{"a":1}' },
  ]);
  expect([finish, model]).toEqual(["tool-calls", "m"]);
  expect(usage).toEqual({ inputTokens: 1, outputTokens: 8 });
  expect(id).toMatch(/^chatcmpl-/);
});

test("everything of a request stands where the format wants it", async () => {
  const { baseURL, seen } = await raw(json(said("ok")));
  const image = { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2]) } as const;
  const signed = { openai: { extra_content: { google: { thought_signature: "abc" } } } };
  const messages: Message[] = [
    { role: "system", content: "be brief" },
    {
      role: "user",
      content: [{ type: "text", text: "see" }, image, { ...image, data: new URL("https://a.example/b.png") }],
    },
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm" },
        { type: "tool-call", id: "c1", name: "f", arguments: "{}", provider: signed },
        { type: "other", kind: "openai-message", value: { reasoning_details: [{ n: 1 }] } },
      ],
    },
    { role: "tool", content: [{ type: "tool-result", id: "c1", name: "f", output: { json: { b: 1, a: 2 } } }] },
  ];
  const source = openai("m", { baseURL, apiKey: "key", reasoningField: "reasoning_content", headers: { "x-a": "b" } });
  await source.generate(
    {
      messages,
      tools: [{ name: "f", description: "does", parameters: { type: "object" } }],
      toolChoice: { tool: "f" },
      format: { schema: { type: "object" } },
      ...{ maxTokens: 9, temperature: 0.5, topP: 0.9, stop: ["END"], seed: 7 },
      provider: { openai: { reasoning_effort: "low" } },
    },
    testContext(),
  );
  const [{ body, headers }] = seen as [Seen];
  expect(headers).toMatchObject({ authorization: "Bearer key", "x-a": "b", "content-type": "application/json" });
  expect(body).toEqual({
    model: "m",
    messages: [
      { role: "system", content: "be brief" },
      {
        role: "user",
        content: [
          { type: "text", text: "see" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AQI=" } },
          { type: "image_url", image_url: { url: "https://a.example/b.png" } },
        ],
      },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        reasoning_details: [{ n: 1 }],
        tool_calls: [
          {
            id: "c1",
            type: "function",
            function: { name: "f", arguments: "{}" },
            extra_content: { google: { thought_signature: "abc" } },
          },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: '{"a":2,"b":1}' },
    ],
    tools: [{ type: "function", function: { name: "f", description: "does", parameters: { type: "object" } } }],
    tool_choice: { type: "function", function: { name: "f" } },
    response_format: { type: "json_schema", json_schema: { name: "reply", schema: { type: "object" }, strict: true } },
    ...{ max_tokens: 9, temperature: 0.5, top_p: 0.9, stop: ["END"], seed: 7, reasoning_effort: "low" },
  });
});

test.for([false, true])(
  "unknown fields of messages and calls come back with the reply (streamed: %s)",
  async (streamed) => {
    const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" }, extra_content: { s: "sig" } };
    const message = { content: null, tool_calls: [call], reasoning_details: [{ type: "encrypted", data: "x" }] };
    const whole = json({ choices: [{ message, finish_reason: "tool_calls" }], system_fingerprint: "fp" });
    const chunk = {
      choices: [{ delta: { ...message, tool_calls: [{ index: 0, ...call }] }, finish_reason: "tool_calls" }],
      system_fingerprint: "fp",
    };
    const { baseURL } = await raw(streamed ? events(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`) : whole);
    const reply = await openai("m", { baseURL }).generate(ask("?"), testContext(streamed ? { onPiece: () => {} } : {}));
    expect(reply.content).toEqual([
      { type: "tool-call", id: "c", name: "f", arguments: "{}", provider: { openai: { extra_content: { s: "sig" } } } },
      { type: "other", kind: "openai-message", value: { reasoning_details: [{ type: "encrypted", data: "x" }] } },
    ]);
    expect(reply.provider).toEqual({ openai: { system_fingerprint: "fp" } });
  },
);

test("a streamed reply is the same wherever the network cuts it", async () => {
  const deltas = [
    { reasoning_content: "hm" },
    { content: "a\né" },
    { tool_calls: [{ index: 1, id: "y", function: { name: "g", arguments: "" } }] },
    { tool_calls: [{ index: 0, id: "x", function: { name: "f", arguments: '{"a"' } }] },
    { tool_calls: [{ index: 0, function: { arguments: ":1}" } }] },
  ];
  const lines = deltas.map((delta) => `: comment\r\ndata: ${JSON.stringify({ choices: [{ delta }] })}\r\n\r\n`);
  const usage = { prompt_tokens: 5, completion_tokens: 6, completion_tokens_details: { reasoning_tokens: 2 } };
  const tail = [{ choices: [{ delta: {}, finish_reason: "stop" }] }, { choices: [], usage }];
  const text = [...lines, ...tail.map((chunk) => `data:${JSON.stringify(chunk)}\n\n`), "data: [DONE]\n\n"].join("");
  const bytes = Buffer.from(text);
  const read = async (size: number): Promise<Reply> => {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < bytes.length; i += size) controller.enqueue(new Uint8Array(bytes.subarray(i, i + size)));
        controller.close();
      },
    });
    const answer = async (): Promise<Response> =>
      new Response(body, { headers: { "content-type": "text/event-stream" } });
    return openai("m", { fetch: answer }).generate(ask("?"), testContext({ onPiece: () => {} }));
  };
  const whole = await read(bytes.length);
  expect(whole).toEqual({
    content: [
      { type: "reasoning", text: "hm" },
      { type: "text", text: "a\né" },
      { type: "tool-call", id: "x", name: "f", arguments: '{"a":1}' },
      { type: "tool-call", id: "y", name: "g", arguments: "" },
    ],
    finish: "tool-calls",
    usage: { inputTokens: 5, outputTokens: 6, reasoningTokens: 2 },
  });
  for (const size of [1, 2, 3, 7, 64]) expect(await read(size)).toEqual(whole);
});

test.for([
  {
    fault: { type: "status", status: 429, retryAfter: "3" },
    code: "RATE_LIMITED",
    details: { waitMs: 3000, charged: false },
  },
  { fault: { type: "status", status: 500 }, code: "UNAVAILABLE", details: { status: 500, charged: true } },
  { fault: { type: "status", status: 503 }, code: "UNAVAILABLE", details: { charged: false } },
  { fault: { type: "status", status: 401 }, code: "UNAUTHORIZED", details: {} },
  { fault: { type: "redirect", location: "http://127.0.0.1:1/" }, code: "MODEL_ERROR", details: { status: 307 } },
  { fault: { type: "body", body: "{}" }, code: "MODEL_FORMAT", details: { head: "{}" } },
  { fault: { type: "body", body: "<html>" }, code: "MODEL_FORMAT", details: { head: "<html>" } },
  { fault: { type: "body", body: '{"error":{"code":429,"message":"slow"}}' }, code: "RATE_LIMITED", details: {} },
  {
    fault: { type: "body", body: "<html>", contentType: "text/html" },
    code: "MODEL_FORMAT",
    details: { contentType: "text/html" },
  },
  { fault: { type: "truncate", bytes: 40, how: "end" }, code: "MODEL_FORMAT", details: {} },
  { fault: { type: "truncate", bytes: 40, how: "reset" }, code: "UNAVAILABLE", details: { reason: "connection lost" } },
  { fault: { type: "flood", bytes: 2e6 }, code: "OUTPUT_TOO_LARGE", details: { limitBytes: 1e6 } },
] as const)("$fault.type is $code", async ({ fault, code, details }) => {
  await expect(askServer(fault, false)).rejects.toMatchObject({ code, details });
});

test.for([
  { fault: { type: "truncate", bytes: 250, how: "end" }, code: "MODEL_FORMAT" },
  { fault: { type: "truncate", bytes: 250, how: "reset" }, code: "UNAVAILABLE" },
  { fault: { type: "body", body: "<html>", contentType: "text/event-stream" }, code: "MODEL_FORMAT" },
  { fault: { type: "body", body: "data: {\n\n", contentType: "text/event-stream" }, code: "MODEL_FORMAT" },
  {
    fault: { type: "body", body: 'data: {"error":{"code":503}}\n\n', contentType: "text/event-stream" },
    code: "UNAVAILABLE",
  },
] as const)("in a stream, $fault.type is $code", async ({ fault, code }) => {
  await expect(askServer(fault, true)).rejects.toMatchObject({ code });
});

test("a slow body arrives whole", async () => {
  expect((await askServer({ type: "slow", ms: 5 }, true)).content).toHaveLength(3);
});

test("a server that answers a stream with JSON is understood", async () => {
  const { baseURL } = await raw(json(said("whole")));
  const pieces: Piece[] = [];
  await openai("m", { baseURL }).generate(ask("?"), testContext({ onPiece: (piece) => pieces.push(piece) }));
  expect(pieces).toEqual([{ type: "text", text: "whole" }]);
});

test("a server that is not there costs nothing", async () => {
  const { baseURL, close } = await testServer({ models: { m: () => "" } });
  await close();
  const failure = openai("m", { baseURL }).generate(ask("?"), testContext());
  await expect(failure).rejects.toMatchObject({
    code: "UNAVAILABLE",
    details: { reason: "unreachable", charged: false },
  });
});

test("the wait asked for by a date does not depend on this machine's clock", async () => {
  const headers = { date: "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2015 07:28:09 GMT" };
  const { baseURL } = await raw((response) => {
    response.sendDate = false;
    response.writeHead(429, headers).end();
  });
  const failure = openai("m", { baseURL }).generate(ask("?"), testContext());
  await expect(failure).rejects.toMatchObject({ code: "RATE_LIMITED", details: { waitMs: 9000 } });
});

test("the key stands in no error", async () => {
  const { baseURL } = await raw((response) => {
    const error = { message: "Incorrect API key provided: my-key" };
    response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ error }));
  });
  const error = await openai("m", { baseURL, apiKey: "my-key" })
    .generate(ask("?"), testContext())
    .catch((reason) => reason);
  expect(error.message).toContain("provided: [key]");
});

test("an aborted signal closes the connection", async () => {
  const stop = new AbortController();
  const closed = new Promise<void>((resolve) => {
    void raw((response) => {
      response.on("close", resolve);
      setTimeout(() => stop.abort(), 5);
    }).then(({ baseURL }) =>
      openai("m", { baseURL })
        .generate(ask("?"), testContext({ signal: stop.signal }))
        .catch(() => {}),
    );
  });
  await closed;
});

test("wrong options are refused", () => {
  expect(() => openai("m", { baseURL: "ftp://a" })).toThrow('openai: "baseURL"');
  expect(() => openai("m", { apikey: "x" } as never)).toThrow('unknown key "apikey"; is "apiKey" meant?');
});
