import { memory } from "@cambium/base";
import { disposeParameters } from "@cambium/core";
import { tidy } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { fixture, fixtureJson, golden, goldenBatch, heads, toTensor } from "../../fixtures.ts";
import { loadModel } from "../../load.ts";
import { saveModel } from "../../save.ts";
import { maximumLength, parseBertConfig } from "./config.ts";

const configs =
  fixtureJson<Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>>(
    "roberta/aliases.json",
  );
const expected = golden("roberta");

describe.each(["xlm-roberta", "camembert"])("%s", (type) => {
  test.each(["sequence-classification", "masked-lm"] as const)(
    "computes what RoBERTa computes, and is saved under the names that transformers gives it (%s)",
    async (kind) => {
      const config = configs[type]![kind]!;
      const weights = await fixture(`roberta/${kind}`).read("model.safetensors");
      const files = memory({ "config.json": JSON.stringify(config), "model.safetensors": weights });
      const model = await loadModel(files, { head: heads[kind] });
      tidy(() => {
        const { logits } = model.forward(goldenBatch(expected));
        // float32 against float32: rounding alone reaches 1e-5 in logits of such models.
        expect(logits).toBeAllClose(toTensor(expected.heads[kind].logits), { relative: 1e-4, absolute: 1e-4 });
      });
      const saved = memory();
      await saveModel(model, saved);
      const written = JSON.parse(new TextDecoder().decode(await saved.read("config.json"))) as Record<string, unknown>;
      const { architectures, model_type, pad_token_id } = config;
      expect(written).toMatchObject({ architectures, model_type, pad_token_id });
      disposeParameters(model.parameters);
    },
  );

  test("pads with 1 and leaves two positions to padding", () => {
    const sizes = { vocab_size: 53, hidden_size: 20, num_hidden_layers: 1, num_attention_heads: 5 };
    const given = { model_type: type, ...sizes, intermediate_size: 28, max_position_embeddings: 514 };
    const config = parseBertConfig("test", given, "user");
    expect([config.pad_token_id, maximumLength(config)]).toEqual([1, 512]);
  });
});
