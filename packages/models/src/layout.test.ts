import { countParameters, disposeParameters } from "@cambium/core";
import { expect, test } from "vitest";
import { modelLayout } from "./create.ts";
import { type Family, fixture, heads } from "./fixtures.ts";
import { countLayout, storedParameters } from "./layout.ts";
import { loadModel } from "./load.ts";

const large = { hidden_size: 768, num_hidden_layers: 12, num_attention_heads: 12, intermediate_size: 3072 };

test("BERT-base has 109,482,240 parameters, as its release has", () => {
  expect(countLayout(modelLayout({ model_type: "bert", ...large, vocab_size: 30522 }))).toBe(109_482_240);
});

test("RoBERTa-base with its masked-LM head has 124,697,433 parameters, as its release has", () => {
  const config = {
    model_type: "roberta",
    ...large,
    vocab_size: 50265,
    max_position_embeddings: 514,
    type_vocab_size: 1,
  };
  expect(countLayout(modelLayout(config, { head: { kind: "masked-lm" } }))).toBe(124_697_433);
});

test.each<Family>(["bert", "roberta"])(
  "%s's shapes are those of the files that transformers writes",
  async (family) => {
    for (const [kind, head] of [["base", undefined], ...Object.entries(heads)] as const) {
      const model = await loadModel(fixture(`${family}/${kind}`), head === undefined ? {} : { head });
      const layout = modelLayout(model.config, head === undefined ? {} : { head });
      const shapes = [...storedParameters(layout)].map(([name, { shape }]) => [name, shape]);
      expect([...model.parameters].map(([name, { shape }]) => [name, shape])).toEqual(shapes);
      expect(countLayout(layout)).toBe(countParameters(model.parameters));
      expect([model.created, model.unused]).toEqual([[], []]);
      disposeParameters(model.parameters);
    }
  },
);
