import { disposeParameters, random } from "@cambium/core";
import { dispose, mean, slice, tidy } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collate } from "./collate.ts";
import { createModel } from "./create.ts";
import { type EmbedCut, type EmbedOptions, embed } from "./embed.ts";
import { fixture } from "./fixtures.ts";
import type { LanguageModel } from "./language-model.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

let model: LanguageModel;
let tokenizer: Tokenizer;
beforeAll(async () => {
  const sizes = { vocab_size: 53, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 10 };
  model = createModel({ model_type: "bert", ...sizes, max_position_embeddings: 24, initializer_range: 0.4 }, random(1));
  tokenizer = await loadTokenizer(fixture("bert"));
});
afterAll(() => disposeParameters(model.parameters));

const texts = ["the cat sat on the mat and the dog", "a dog", "", "the hat"];

test("vectors stand in the order of the texts and do not depend on their neighbours", async () => {
  const together = await embed(model, tokenizer, texts);
  expect(together).toHaveLength(texts.length);
  for (const [i, text] of texts.entries()) {
    const [alone] = await embed(model, tokenizer, [text]);
    expect(together[i]).toBeAllClose(alone!, { absolute: 1e-6 });
  }
  const smaller = await embed(model, tokenizer, texts, { batchSize: 1 });
  for (const [i, vector] of smaller.entries()) expect(vector).toBeAllClose(together[i]!, { absolute: 1e-6 });
});

test("mean and cls are the mean over the tokens and the first of them", async () => {
  const batch = collate(model, tokenizer, { maxLength: 24, padTo: [4] })([{ text: "the hat" }]); // 4 tokens, no padding
  const { hidden, pooled, mask } = model.forward(batch);
  const [average] = await embed(model, tokenizer, ["the hat"]);
  const [first] = await embed(model, tokenizer, ["the hat"], { pooling: "cls" });
  expect(batch.ids.shape).toEqual([1, 4]);
  tidy(() => {
    expect(average).toBeAllClose(mean(hidden, [0, 1]).dataSync(), { absolute: 1e-6 });
    expect(first).toBeAllClose(slice(hidden, [0, 0, 0], [1, 1, 8]).dataSync(), { absolute: 1e-6 });
  });
  dispose([hidden, pooled!, mask, batch.ids, batch.mask, batch.types!]);
});

test("normalised vectors have length 1 and the same direction", async () => {
  const [plain] = await embed(model, tokenizer, ["the hat"]);
  const [unit] = await embed(model, tokenizer, ["the hat"], { normalise: true });
  const length = Math.hypot(...plain!);
  expect(unit).toBeAllClose(plain!.map((value) => value / length));
});

test("long texts are cut to the model's positions", async () => {
  const [vector] = await embed(model, tokenizer, ["the cat ".repeat(50)]);
  expect(vector).toHaveLength(8);
});

test("texts that are cut are told of, and may be refused", async () => {
  const long = ["the cat ".repeat(11), "the cat ".repeat(12), "a dog"]; // 24 and 26 tokens with their ends
  const cuts: EmbedCut[] = [];
  const vectors = await embed(model, tokenizer, long, { onCut: (cut) => void cuts.push(cut) });
  expect(cuts).toEqual([{ index: 1, tokens: 26, maxLength: 24 }]);
  expect(vectors).toHaveLength(3);
  const refusal = embed(model, tokenizer, long, {
    maxLength: 4,
    onCut: ({ index }) => {
      throw new Error(`text ${index} is too long`);
    },
  });
  await expect(refusal).rejects.toThrow("text 0 is too long");
});

test("no texts have no vectors", async () => {
  expect(await embed(model, tokenizer, [])).toEqual([]);
});

test.each([
  [{ normalize: true }, 'unknown option "normalize"; is "normalise" meant?'],
  [
    { pooling: "median" },
    "pooling must be one of cls, max, mean, mean-sqrt-length, weighted-mean, last, or a list of them, got",
  ],
  [{ onCut: true }, "onCut must be a function, got boolean"],
  [{ batchSize: 0 }, "batchSize must be a whole number from 1, got 0"],
])("%j are no options", async (options, message) => {
  await expect(embed(model, tokenizer, texts, options as EmbedOptions)).rejects.toThrow(`embed: ${message}`);
});

test("what is no text is named by its place", async () => {
  await expect(embed(model, tokenizer, ["a", 3 as never])).rejects.toThrow(
    "embed: text 1 must be a string, got number",
  );
});
