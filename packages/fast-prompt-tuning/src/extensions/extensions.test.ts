import { disposeParameters, random } from "@cambium/core";
import { attach, lora, prefix } from "@cambium/delta";
import { createModel, type LanguageModel } from "@cambium/models";
import { disposeFields, tinyBatch, tinyModel } from "@cambium/models/testing";
import { expect, test } from "vitest";
import { tinyData } from "../data.fixture.ts";
import { partialModel } from "../partial/partial-model.ts";
import { growDelta } from "./grow-delta.ts";
import { shortened } from "./shortened.ts";

const sizes = {
  model_type: "bert",
  vocab_size: 30,
  hidden_size: 8,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 16,
};

test.each(["copy", "interpolate"] as const)("a LoRA of layers 0 and 4 grows to all by %s", (method) => {
  const base = createModel({ ...sizes, num_hidden_layers: 5 } as never, random(1)) as LanguageModel;
  const part = partialModel(base, { layers: [0, 4] });
  const small = attach(part as LanguageModel, lora(part, { rank: 2 }, random(2)));
  const whole = attach(base, lora(base, { rank: 2 }, random(3)));
  const grown = growDelta(small, whole, { method });
  const at = (layer: number) => `lora/encoder.layer.${layer}.attention.self.query.lora_A.weight`;
  const [low, high] = [small.parameters.get(at(0))!.dataSync(), small.parameters.get(at(4))!.dataSync()];
  for (let layer = 0; layer < 5; layer++) {
    const share = method === "copy" ? (layer <= 2 ? 0 : 1) : layer / 4;
    expect([...grown.parameters.get(at(layer))!.dataSync()]).toBeAllClose(
      Array.from(low, (value, i) => (1 - share) * value + share * high[i]!),
      { absolute: 1e-6 },
    );
  }
  for (const each of [small, whole, grown]) disposeParameters(each.parameters);
  disposeParameters(base.parameters);
});

test("a prefix, whose one tensor stands for all layers, is refused", () => {
  const model = tinyModel({ type: "bert" });
  const part = partialModel(model, { depth: 0.5 });
  const small = attach(part as LanguageModel, prefix(part, { length: 2 }, random(1)));
  const whole = attach(model, prefix(model, { length: 2 }, random(1)));
  expect(() => growDelta(small, whole)).toThrow(/growDelta: /);
  for (const each of [small, whole]) disposeParameters(each.parameters);
  disposeParameters(model.parameters);
});

test("rows are cut from the left, and labels of tokens refuse it", async () => {
  const model = tinyModel({ type: "bert" });
  for await (const { batch } of shortened(tinyData(model, 1), 4).epoch(0)) {
    expect([batch.ids.shape, batch.mask.shape, batch.types!.shape, batch.labels!.shape]).toEqual([
      [3, 4],
      [3, 4],
      [3, 4],
      [3],
    ]);
    const whole = tinyBatch(model);
    expect([...batch.ids.dataSync()].slice(0, 4)).toEqual([...whole.ids.dataSync()].slice(0, 4));
    disposeFields(whole);
    disposeFields(batch);
  }
  const tokens = tinyModel({
    type: "bert",
    head: { kind: "token-classification", labels: ["O", "B", "I", "E"] } as const,
  });
  const cut = shortened(tinyData(tokens, 1), 4).epoch(0);
  await expect(
    (async () => {
      for await (const _ of cut) break;
    })(),
  ).rejects.toThrow(/stand for tokens/);
  expect(() => shortened(tinyData(model), 0)).toThrow(/shortened: /);
  for (const each of [model, tokens]) disposeParameters(each.parameters);
});
