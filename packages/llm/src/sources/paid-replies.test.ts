/** What may have been paid for is read, not thrown away and asked for again. */
import { expect, test } from "vitest";
import type { Reply } from "../messages/request.ts";
import { ask, testContext, testModels } from "../open-models.fixture.ts";
import { openai } from "./openai.ts";

const whole = JSON.stringify({ choices: [{ message: { content: "ok" }, finish_reason: "stop" }] });
const chunk = (delta: object, reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ delta, finish_reason: reason }] })}`;
const stream = [chunk({ content: "ok" }), chunk({}, "stop"), "data: [DONE]"].join("\n\n");
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}';

async function read(body: string, type: string | undefined, streamed: boolean): Promise<Reply> {
  const headers = type === undefined ? {} : { "content-type": type };
  const answer = async (): Promise<Response> => new Response(new TextEncoder().encode(body), { headers });
  return openai("m", { fetch: answer }).generate(ask("?"), testContext(streamed ? { onPiece: () => {} } : {}));
}

const TYPES = [
  "application/json",
  "text/plain",
  "text/html; charset=utf-8",
  "Text/Event-Stream",
  "application/octet-stream",
  "application/x-ndjson",
  "",
  undefined,
];

test.each(TYPES)("a reply is read by what it is, not by the content type %j", async (type) => {
  const content = [{ type: "text", text: "ok" }];
  for (const streamed of [false, true]) {
    expect(await read(whole, type, streamed)).toMatchObject({ content });
    expect(await read(`\ufeff\r\n  ${whole}\n`, type, streamed)).toMatchObject({ content });
    expect(await read(`${stream}\n\n`, type, streamed)).toMatchObject({ content });
    expect(await read(`\ufeff: hello\n\n${stream}\n\n`, type, streamed)).toMatchObject({ content });
    expect(await read(`event: message\nid: 1\n${stream}\n\n`, type, streamed)).toMatchObject({ content });
  }
});

test.each(["", "\n", "\r\n"])("a last event that ends with %j, not with an empty line, counts", async (end) => {
  const body = [chunk({ content: "ok" }), chunk({}, "stop")].join("\n\n") + end;
  expect(await read(body, "text/event-stream", true)).toMatchObject({ content: [{ text: "ok" }], finish: "stop" });
  const counted = `${[chunk({ content: "ok" }), chunk({}, "stop"), usage].join("\n\n")}${end}`;
  expect(await read(counted, "text/event-stream", true)).toMatchObject({ usage: { inputTokens: 3, outputTokens: 4 } });
});

test.each([
  "data:",
  "data: ",
  ": keep-alive",
  "event: ping\ndata: {}",
  'data: {"type":"keepalive"}',
  'data: {"choices":[]}',
])("an event that only keeps the connection alive (%j) says nothing", async (event) => {
  const body = [event, chunk({ content: "ok" }), event, chunk({}, "stop"), event, "data: [DONE] "].join("\n\n");
  const reply = await read(`${body}\n\n`, "text/event-stream", true);
  expect(reply).toMatchObject({ content: [{ text: "ok" }], finish: "stop" });
});

test("an event that was cut off after the reply's end does not cost the reply", async () => {
  const body = `${[chunk({ content: "ok" }), chunk({}, "stop"), usage.slice(0, 40)].join("\n\n")}`;
  expect(await read(body, "text/event-stream", true)).toMatchObject({ content: [{ text: "ok" }] });
});

test("a stream that says that it is done is whole, though it gave no reason", async () => {
  const body = `${chunk({ content: "ok" })}\n\ndata: [DONE]\n\n`;
  expect(await read(body, "text/event-stream", true)).toMatchObject({ content: [{ text: "ok" }], finish: "other" });
});

test.each([
  ["nothing", ""],
  ["a page", "<html>data: {}</html>"],
  ["a list", "[1]"],
  ["a cut text", whole.slice(0, 30)],
  ["a stream that was cut", chunk({ content: "o" })],
])("%s is no reply", async (_, body) => {
  await expect(read(body, "application/json", false)).rejects.toMatchObject({ code: "MODEL_FORMAT" });
  await expect(read(body, "text/event-stream", true)).rejects.toMatchObject({ code: "MODEL_FORMAT" });
});

const refusal = (error: unknown): string => JSON.stringify({ error });

test.each([
  [
    "a used-up quota",
    429,
    refusal({ code: "insufficient_quota", message: "You exceeded your current quota" }),
    "FORBIDDEN",
  ],
  ["a used-up quota, by its type", 429, refusal({ type: "insufficient_quota" }), "FORBIDDEN"],
  ["a closed account", 429, refusal({ code: "billing_not_active" }), "FORBIDDEN"],
  ["a reached limit of cost", 400, refusal({ code: "billing_hard_limit_reached" }), "FORBIDDEN"],
  ["no money", 402, refusal({ message: "Insufficient balance" }), "FORBIDDEN"],
  ["no money, in a reply", 200, refusal({ code: 402, message: "Insufficient credits" }), "FORBIDDEN"],
  ["a used-up quota, in a reply", 200, refusal({ code: "insufficient_quota" }), "FORBIDDEN"],
  ["a key that is not known, in a list", 401, `[${refusal({ code: 401, message: "bad key" })}]`, "UNAUTHORIZED"],
  ["a request that is too long, in a reply", 200, refusal({ code: "context_length_exceeded" }), "MODEL_ERROR"],
])("%s is refused once, and not asked again", async (_, status, body, code) => {
  let asked = 0;
  const answer = async (): Promise<Response> => {
    asked += 1;
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  };
  const llm = await testModels();
  const outcome = await llm.model(openai("m", { fetch: answer })).outcome(ask("?"));
  expect(outcome).toMatchObject({ ok: false, error: { code } });
  expect(asked).toBe(1);
});

test.each([false, "", null])("an error field that says %j is no error", async (error) => {
  expect(await read(JSON.stringify({ ...JSON.parse(whole), error }), "application/json", false)).toMatchObject({
    content: [{ text: "ok" }],
  });
});
