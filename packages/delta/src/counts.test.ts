import { modelLayout } from "@cambium/models";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { describeTargets } from "./describe.ts";
import type { HostLayout } from "./host.ts";
import type { Method } from "./method.ts";
import { adapter, bitFit, ia3, lora, prefix, prompt } from "./methods/index.ts";

/** Names, shapes and sites of a model without its weights. */
const layoutOf = (type: "bert" | "roberta", dModel: number, layers: number, heads: number, vocab: number): HostLayout =>
  modelLayout({
    model_type: type,
    vocab_size: vocab,
    hidden_size: dModel,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * dModel,
    max_position_embeddings: type === "bert" ? 512 : 514,
    type_vocab_size: type === "bert" ? 2 : 1,
  });

const bertBase = layoutOf("bert", 768, 12, 12, 30_522);
const robertaLarge = layoutOf("roberta", 1024, 24, 16, 50_265);

/** Counts what a method trains, without a tensor. */
const counting =
  <Options, Config>(method: Method<Options, Config>, options: Options) =>
  (model: HostLayout): number =>
    describeTargets(model, method, options).trained;

// Counts from the papers' formulas, with L layers of width d: BERT-base 12 and 768, RoBERTa-large 24 and 1024.
test.each<[string, (model: HostLayout) => number, number, number]>([
  ["LoRA of rank 8 on queries and values: 4·L·r·d", counting(lora, {}), 294_912, 786_432],
  ["Houlsby adapters at d/16: 2·L·(2·d·b + b + d)", counting(adapter, {}), 1_789_056, 6_343_680],
  ["Pfeiffer adapters: half of that", counting(adapter, { placement: "pfeiffer" }), 894_528, 3_171_840],
  ["two adapters of 24: 2·L·(48·d + 24 + d)", counting(adapter, { bottleneck: 24 }), 903_744, 2_409_600],
  ["parallel adapters at d/2: L·(d² + d/2 + d)", counting(adapter, { placement: "parallel" }), 7_091_712, 25_202_688],
  [
    "BitFit inside the layers: 11·d·L",
    counting(bitFit, { keyBias: true, targets: ({ layer }) => layer !== undefined }),
    101_376,
    270_336,
  ],
  ["(IA)³ as PEFT places it: L·(3·d + 4·d)", counting(ia3, {}), 64_512, 172_032],
  [
    "(IA)³ as its paper does: L·(2·d + 4·d)",
    counting(ia3, { targets: ["attn.k", "attn.v", "ff.down"] }),
    55_296,
    147_456,
  ],
  ["a prefix of 20: 40·L·d", counting(prefix, { length: 20 }), 368_640, 983_040],
  ["a prompt of 20: 20·d", counting(prompt, { length: 20 }), 15_360, 20_480],
])("%s", (_, count, onBertBase, onRobertaLarge) => {
  const before = memory().numTensors;
  expect(count(bertBase)).toBe(onBertBase);
  expect(count(robertaLarge)).toBe(onRobertaLarge);
  expect(memory().numTensors).toBe(before);
});

test("BitFit without layers chosen adds the embeddings' norm and the pooler, and leaves the keys out", () => {
  expect(counting(bitFit, {})(bertBase)).toBe(12 * 10 * 768 + 2 * 768);
});
