import { disposeParameters, useBackend } from "@cambium/core";
import { generate, type LanguageModel, type Tokenizer } from "@cambium/models";
import { tinyChat } from "@cambium/models/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../calls/clock.ts";
import type { Piece } from "../../chat-model.ts";
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
  ];
  const keys: string[] = [];
  const cached: boolean[] = [];
  for (const source of sources) {
    const result = await llm.model(source).call({ messages, maxTokens: 4, seed: 1 });
    keys.push(result.key);
    cached.push(result.cached);
    await source.close();
  }
  expect(cached).toEqual([false, true, false, false]);
  expect(new Set(keys).size).toBe(3);
});
