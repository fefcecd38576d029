import { memory } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { generate, loadModel, loadTokenizer, type TokenBatch } from "@cambium/models";
import { adamW, train } from "@cambium/train";
import { expect, test } from "vitest";
import { growDecoder } from "../decoder/grow-decoder.ts";
import { growSpans } from "../spans/grow-spans.ts";
import { trainByteVocabulary } from "../text/byte-vocabulary.ts";
import type { Text } from "../text/text.ts";
import type { Growing } from "./growing.ts";
import type { TextRecipe } from "./recipes.ts";

const document = "The whale is a great fish, said the old sailor, and the sea is wide. ".repeat(4);
const { tokenizer, files, separator } = await trainByteVocabulary([document], 320);
const pieces = [...tokenizer.pieces(document), separator];
const stream = Uint16Array.from({ length: 9000 }, (_, i) => pieces[i % pieces.length]!);
const text: Text = {
  ...{ files, vocabularySize: 320, corpora: [{ name: "one" } as Text["corpora"][number]] },
  train: async () => stream,
  held: async () => stream,
  heldDocuments: async () => ["The sea is a great whale, and the fish is old."],
};
const recipe = { name: "tiny", kind: "decoder", domain: "base", seed: 1, steps: 2, learningRate: 1e-2 } as const;
const decoder: TextRecipe = {
  ...recipe,
  config: {
    ...{ model_type: "llama", vocab_size: 320, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, max_position_embeddings: 512 },
  },
};
const spans: TextRecipe = {
  ...recipe,
  kind: "encoder-decoder",
  config: {
    ...{ model_type: "t5", vocab_size: 320, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 },
    dropout_rate: 0,
  },
};

const shape = { batch: 2, seq: 32 };

/** A step from the beginning, saved: its loss, the folder, and what the card would say. */
async function growOnce(growing: Growing<TokenBatch>) {
  const data = growing.data("level", 2, random(1));
  const stored = memory();
  for await (const event of train(growing.objective, data, { optimiser: adamW({ learningRate: 1e-2 }), steps: 1 })) {
    if (event.type === "step") expect(Math.abs(event.loss - Math.log(320))).toBeLessThan(1); // T5 starts with scores of variance 1
    if (event.type !== "end") continue;
    const looked = await growing.evaluate(event.parameters);
    await growing.save(event.parameters, stored);
    disposeParameters(event.parameters);
    disposeParameters(growing.objective.parameters);
    const { natsPerCharacter } = await growing.describe(stored);
    expect(natsPerCharacter!["one"]).toBeCloseTo(looked["one"]!, 2); // but for 16 bits
    return stored;
  }
  throw new Error("no end");
}

test("a decoder is grown, saved, measured, and writes", async () => {
  const stored = await growOnce(await growDecoder(decoder, text, undefined, { short: shape, long: shape }));
  const model = await loadModel(stored, { head: { kind: "causal-lm" } });
  const own = await loadTokenizer(stored);
  let written = 0;
  for await (const event of generate(model, own, "The whale", { maxTokens: 3 })) written += event.text.length;
  expect(written).toBeGreaterThan(0);
  disposeParameters(model.parameters);
});

test("an encoder-decoder is grown, saved and measured", async () => {
  const stored = await growOnce(await growSpans(spans, text, undefined, shape));
  const model = await loadModel(stored, { head: { kind: "sequence-to-sequence" } });
  expect(model.config).toMatchObject({ pad_token_id: 0, decoder_start_token_id: 0, eos_token_id: 1 });
  disposeParameters(model.parameters);
});
