import { disposeParameters, random } from "@cambium/core";
import { adapter, attach, lora, prefix } from "@cambium/delta";
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

test("adapters of layers 0 and 4 grow to all, with their biases", () => {
  const base = createModel({ ...sizes, num_hidden_layers: 5 } as never, random(1)) as LanguageModel;
  const part = partialModel(base, { layers: [0, 4] });
  const options = { bottleneck: 2, init: "near-zero" } as const;
  const small = attach(part as LanguageModel, adapter(part, options, random(2)));
  const whole = attach(base, adapter(base, options, random(3)));
  const grown = growDelta(small, whole);
  for (const [name, tensor] of grown.parameters) {
    const from = name.replace(/layer\.(\d)\./, (_, layer) => `layer.${Number(layer) <= 2 ? 0 : 4}.`);
    expect([...tensor.dataSync()], name).toEqual([...small.parameters.get(from)!.dataSync()]);
  }
  for (const each of [small, whole, grown]) disposeParameters(each.parameters);
  disposeParameters(base.parameters);
});

test.each([
  ["copy", undefined],
  ["interpolate", undefined],
  ["copy", { width: 3, hidden: 4 }],
] as const)(
  "a prefix grows by %s: each new attention has the keys and values of its neighbours (network %j)",
  (method, network) => {
    const base = createModel({ ...sizes, num_hidden_layers: 5 } as never, random(1)) as LanguageModel;
    const part = partialModel(base, { layers: [0, 4] });
    const options = { length: 2, init: "normal", ...(network !== undefined && { network }) } as const;
    const small = attach(part as LanguageModel, prefix(part, options, random(2)));
    const whole = attach(base, prefix(base, options, random(3)));
    const grown = growDelta(small, whole, { method });
    for (const [name, tensor] of grown.parameters) {
      const [own, wide] = [small.parameters.get(name)!.arraySync(), tensor.arraySync()] as number[][][];
      const isColumns = name.endsWith("prompt_embeddings");
      if (!isColumns && !name.includes("transform.2")) {
        expect(wide, name).toEqual(own);
        continue;
      }
      const row = (list: unknown, layer: number): unknown =>
        isColumns
          ? (list as number[][]).map((each) => each.slice(16 * layer, 16 * layer + 16)) // 2 · 8 of each layer
          : (list as unknown[]).slice(16 * layer, 16 * layer + 16);
      for (let layer = 0; layer < 5; layer++) {
        const share = method === "copy" ? (layer <= 2 ? 0 : 1) : layer / 4;
        const [low, high] = [row(own, 0), row(own, 1)].map((part) => (part as number[]).flat(2)) as [
          number[],
          number[],
        ];
        expect((row(wide, layer) as number[]).flat(2)).toBeAllClose(
          low.map((value, i) => (1 - share) * value + share * high[i]!),
          { absolute: 1e-6 },
        );
      }
    }
    for (const each of [small, whole, grown]) disposeParameters(each.parameters);
    disposeParameters(base.parameters);
  },
);

test("a prefix of an encoder and a decoder grows in each, and the decoder's reading of the encoder too", () => {
  const base = tinyModel({ type: "t5" });
  const part = partialModel(base, { encoderLayers: [1], decoderLayers: [0] });
  const small = attach(part as LanguageModel, prefix(part, { length: 2, init: "normal" }, random(2)));
  const whole = attach(base, prefix(base, { length: 2 }, random(3)));
  const grown = growDelta(small, whole as never);
  const rowsOf = (tuned: Pick<typeof small, "parameters">) =>
    tuned.parameters.get("prefix/prompt_embeddings")!.arraySync() as number[][];
  const [from, to] = [rowsOf(small), rowsOf(grown)];
  // Attentions in their order, equally wide: of the part the encoder's, the decoder's own, and its reading of the encoder.
  const width = from[0]!.length / 3;
  expect(whole.sites().flatMap(({ kind, role }) => (kind === "attention" ? [role.split(".")[0]] : []))).toEqual([
    ...["attn", "attn"],
    ...["attn", "cross", "attn", "cross"],
  ]);
  expect(to).toEqual(
    from.map((row) => [0, 0, 1, 2, 1, 2].flatMap((place) => row.slice(place * width, (place + 1) * width))),
  );
  for (const each of [small, whole, grown]) disposeParameters(each.parameters);
  disposeParameters(base.parameters);
});

test("what no trained layer has is refused, and what was trained under other settings", () => {
  const model = tinyModel({ type: "bert" });
  const part = partialModel(model, { depth: 0.5 });
  const small = attach(part as LanguageModel, lora(part, { rank: 2 }, random(1)));
  const louder = attach(model, lora(model, { rank: 2, alpha: 64 }, random(1)));
  expect(() => growDelta(small, louder)).toThrow(/settings differ: lora is .*"alpha":64/);
  disposeParameters(louder.parameters);
  const whole = attach(model, prefix(model, { length: 2 }, random(1)));
  expect(() => growDelta(small, whole)).toThrow(/nothing that was trained stands where "prefix\/prompt_embeddings"/);
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
