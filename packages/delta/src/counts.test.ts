import { countParameters, disposeParameters, type Random, random } from "@cambium/core";
import { type EncoderConfig, encoderSites, parameterShapes } from "@cambium/models";
import { zeros } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { Delta, Host } from "./delta.ts";
import { adapter } from "./methods/adapter.ts";
import { bitFit } from "./methods/bit-fit.ts";
import { ia3 } from "./methods/ia3.ts";
import { lora } from "./methods/lora.ts";
import { prefix } from "./methods/prefix.ts";
import { prompt } from "./methods/prompt.ts";

/** Names, shapes and sites of a model without its weights. */
function shapeOnly(type: "bert" | "roberta", dModel: number, layers: number, heads: number, vocab: number): Host {
  const config = {
    model_type: type,
    vocab_size: vocab,
    hidden_size: dModel,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * dModel,
    max_position_embeddings: type === "bert" ? 512 : 514,
    type_vocab_size: type === "bert" ? 2 : 1,
  } as EncoderConfig;
  return {
    config,
    parameters: new Map([...parameterShapes(config)].map(([name, shape]) => [name, { shape }])),
    sites: () => encoderSites(config),
  };
}

const bertBase = shapeOnly("bert", 768, 12, 12, 30_522);
const robertaLarge = shapeOnly("roberta", 1024, 24, 16, 50_265);

/** Draws zeros: only shapes count here, and millions of random numbers take their time. */
const blank: Random = {
  ...random(0),
  at: () => blank,
  uniform: (shape) => zeros([...shape]),
  normal: (shape) => zeros([...shape]),
  truncatedNormal: (shape) => zeros([...shape]),
};

// Counts from the papers' formulas, with L layers of width d: BERT-base 12 and 768, RoBERTa-large 24 and 1024.
test.each<[string, (model: Host) => Delta, number, number]>([
  ["LoRA of rank 8 on queries and values: 4·L·r·d", (model) => lora(model, {}, blank), 294_912, 786_432],
  ["Houlsby adapters at d/16: 2·L·(2·d·b + b + d)", (model) => adapter(model, {}, blank), 1_789_056, 6_343_680],
  ["Pfeiffer adapters: half of that", (model) => adapter(model, { placement: "pfeiffer" }, blank), 894_528, 3_171_840],
  ["two adapters of 24: 2·L·(48·d + 24 + d)", (model) => adapter(model, { bottleneck: 24 }, blank), 903_744, 2_409_600],
  [
    "parallel adapters at d/2: L·(d² + d/2 + d)",
    (model) => adapter(model, { placement: "parallel" }, blank),
    7_091_712,
    25_202_688,
  ],
  [
    "BitFit inside the layers: 11·d·L",
    (model) => bitFit(model, { keyBias: true, targets: ({ layer }) => layer !== undefined }),
    101_376,
    270_336,
  ],
  ["(IA)³ as PEFT places it: L·(3·d + 4·d)", (model) => ia3(model), 64_512, 172_032],
  [
    "(IA)³ as its paper does: L·(2·d + 4·d)",
    (model) => ia3(model, { targets: ["attn.k", "attn.v", "ff.down"] }),
    55_296,
    147_456,
  ],
  ["a prefix of 20: 40·L·d", (model) => prefix(model, { length: 20 }, blank), 368_640, 983_040],
  ["a prompt of 20: 20·d", (model) => prompt(model as never, { length: 20, init: "uniform" }, blank), 15_360, 20_480],
])("%s", (_, make, onBertBase, onRobertaLarge) => {
  for (const [model, count] of [
    [bertBase, onBertBase],
    [robertaLarge, onRobertaLarge],
  ] as const) {
    const { parameters } = make(model);
    expect(countParameters(parameters)).toBe(count);
    disposeParameters(parameters);
  }
});

test("BitFit without layers chosen adds the embeddings' norm and the pooler, and leaves the keys out", () => {
  const { parameters } = bitFit(bertBase);
  expect(countParameters(parameters)).toBe(12 * 10 * 768 + 2 * 768);
  disposeParameters(parameters);
});
