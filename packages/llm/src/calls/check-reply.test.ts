import { expect, test } from "vitest";
import type { Reply } from "../messages/request.ts";
import { ask, testModels } from "../open-models.fixture.ts";
import type { Source } from "../sources/source.ts";

const source = (reply: unknown): Source => ({ provider: "here", model: "m", generate: async () => reply as Reply });

const said = { content: [{ type: "text", text: "x" }], finish: "stop" };

test.each<[what: string, reply: unknown]>([
  ["nothing", undefined],
  ["a text", "x"],
  ["no content", { finish: "stop" }],
  ["a text that is none", { ...said, content: [{ type: "text", text: undefined }] }],
  ["a list in a text's place", { ...said, content: [{ type: "text", text: ["x"] }] }],
  ["a part of no known type", { ...said, content: [{ type: "hologram" }] }],
  ["a call without arguments", { ...said, content: [{ type: "tool-call", id: "1", name: "f" }] }],
  ["a file without data", { ...said, content: [{ type: "file", mediaType: "image/png" }] }],
  ["a reason that nobody knows", { ...said, finish: "constructor" }],
])("a reply that is %s is refused before it is stored", async (_, reply) => {
  const llm = await testModels({ retries: 0 });
  expect(await llm.model(source(reply)).outcome(ask("?"))).toMatchObject({
    ok: false,
    error: { code: "MODEL_FORMAT" },
  });
  expect(await llm.stored().next()).toMatchObject({ done: true });
});

test.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, "7", null])(
  "a reply whose tokens are %j is kept, and booked by the upper bound",
  async (count) => {
    const llm = await testModels({ budget: { usd: 1 }, prices: { m: { input: 1, output: 1 } } });
    const result = await llm
      .model(source({ ...said, usage: { inputTokens: count, outputTokens: 1 } }))
      .call({ ...ask("?"), maxTokens: 10 });
    expect(result).toMatchObject({ text: "x", usageKnown: false, usage: { outputTokens: 10 } });
  },
);
