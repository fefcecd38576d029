/** A model with rows for more tokens: deltas of the old one fit it where they hold no rows for tokens, and are refused elsewhere. */
import { memory } from "@cambium/base";
import { disposeParameters, random, useBackend } from "@cambium/core";
import { attach, loadAdapter, lora, saveAdapter, whole } from "@cambium/delta";
import { createModel, type LanguageModel, resizeEmbeddings } from "@cambium/models";
import { afterAll, beforeAll, expect, test } from "vitest";

const sizes = { hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 6 };
let base: LanguageModel;
let grown: LanguageModel;
beforeAll(async () => {
  await useBackend("cpu");
  base = createModel({ model_type: "llama", vocab_size: 20, ...sizes }, random(1), { head: { kind: "causal-lm" } });
  grown = resizeEmbeddings(base, 24, random(2));
});
afterAll(() => {
  disposeParameters(grown.parameters);
  disposeParameters(new Map([...base.parameters].filter(([name, tensor]) => grown.parameters.get(name) !== tensor)));
});

test("a LoRA of the attention fits the larger model, and is read there", async () => {
  const tuned = attach(base, lora(base, { rank: 2, targets: ["attn.q"] }, random(3)));
  expect(tuned.on(grown).parameters.size).toBe(tuned.parameters.size);
  const files = memory();
  await saveAdapter(tuned, files, { untrained: true });
  expect((await loadAdapter(grown, files)).kind).toBe("lora");
});

test("every weight of the old model is refused by the larger one", () => {
  expect(() => attach(base, whole(base)).on(grown)).toThrow(/embed_tokens|shape/);
});
