import type { JsonObject } from "@cambium/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeReply, encodeReply } from "../messages/encoding.ts";
import type { Message } from "../messages/message.ts";
import type { ModelRequest, Reply } from "../messages/request.ts";
import { keyOf } from "./key.ts";

const source = { provider: "p", model: "m", identity: { baseURL: "http://a" } };
const of = (request: Partial<ModelRequest>): string =>
  keyOf(source, { messages: [{ role: "user", content: "?" }], ...request });

test.each([
  ["the model", keyOf({ ...source, model: "n" }, { messages: [{ role: "user", content: "?" }] })],
  [
    "the address",
    keyOf({ ...source, identity: { baseURL: "http://b" } }, { messages: [{ role: "user", content: "?" }] }),
  ],
  ["the messages", of({ messages: [{ role: "user", content: "!" }] })],
  ["the tools", of({ tools: [{ name: "f", parameters: {} }] })],
  ["the sampling", of({ temperature: 0 })],
  ["provider options", of({ provider: { openai: { effort: "low" } } })],
  ["the sample", of({ sample: 1 })],
])("%s is part of the key", (_, key) => {
  expect(key).not.toBe(of({}));
});

test("the stage, the default sample and fields without a value are no part of the key", () => {
  expect(of({ stage: "creation", sample: 0, ...({ temperature: undefined } as object) })).toBe(of({}));
});

test("ids of tool calls are no part of the key, but who answers whom is", () => {
  const talk = (first: string, second: string, answered: string): Message[] => [
    { role: "user", content: "?" },
    {
      role: "assistant",
      content: [
        { type: "tool-call", id: first, name: "f", arguments: "{}" },
        { type: "tool-call", id: second, name: "f", arguments: "{}" },
      ],
    },
    { role: "tool", content: [{ type: "tool-result", id: answered, name: "f", output: "1" }] },
  ];
  expect(of({ messages: talk("a", "b", "a") })).toBe(of({ messages: talk("x", "y", "x") }));
  expect(of({ messages: talk("a", "b", "a") })).not.toBe(of({ messages: talk("a", "b", "b") }));
});

test("a file counts by its bytes", () => {
  const withFile = (...bytes: number[]): string => {
    const data = new Uint8Array(bytes);
    return of({ messages: [{ role: "user", content: [{ type: "file", mediaType: "image/png", data }] }] });
  };
  expect(withFile(1, 2)).toBe(withFile(1, 2));
  expect(withFile(1, 2)).not.toBe(withFile(1, 3));
});

test("replies survive the way through JSON: reasoning, signatures, files, and what only a provider knows", () => {
  const provider = fc.dictionary(
    fc.string(),
    fc.dictionary(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    ),
  );
  const part = fc.oneof(
    fc.record({ type: fc.constant("text" as const), text: fc.string({ unit: "binary" }), provider }),
    fc.record({ type: fc.constant("reasoning" as const), text: fc.string(), provider }),
    fc.record({
      type: fc.constant("tool-call" as const),
      id: fc.string(),
      name: fc.string(),
      arguments: fc.string(),
      provider,
    }),
    fc.record({
      type: fc.constant("file" as const),
      mediaType: fc.constant("image/png"),
      data: fc.oneof(
        fc.uint8Array(),
        fc.webUrl().map((url) => new URL(url)),
      ),
    }),
    fc.record({
      type: fc.constant("other" as const),
      kind: fc.string(),
      value: fc.dictionary(fc.string(), fc.string()),
    }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (content) => {
      const reply: Reply = { content, finish: "stop" };
      const written = JSON.stringify(encodeReply(reply, (bytes) => ({ hex: Buffer.from(bytes).toString("hex") })));
      const read = decodeReply(
        JSON.parse(written) as JsonObject,
        (json) => new Uint8Array(Buffer.from(String(json["hex"]), "hex")),
      );
      // `__proto__` as a key is JSON's, not an object literal's
      expect(JSON.stringify(read)).toBe(JSON.stringify(reply));
      expect(read.content.map((inner) => inner.type === "file" && inner.data)).toEqual(
        content.map((inner) => inner.type === "file" && inner.data),
      );
    }),
    { seed: 2, numRuns: 30 },
  );
});
