import { modelLayout } from "@cambium/models";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { describeTargets } from "./describe.ts";
import type { HostLayout } from "./host.ts";
import type { Method } from "./method.ts";
import { adapter, bitFit, dora, ia3, lora, norms, prefix, prompt } from "./methods/index.ts";

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

const t5 = (dModel: number, layers: number, heads: number, dFf: number): HostLayout =>
  modelLayout({
    model_type: "t5",
    vocab_size: 32_128,
    d_model: dModel,
    d_kv: 64,
    d_ff: dFf,
    num_layers: layers,
    num_heads: heads,
    feed_forward_proj: "gated-gelu",
    tie_word_embeddings: false,
  });

/** Counts what a method trains, without a tensor. */
const counting =
  <Options, Config>(method: Method<Options, Config>, options: Options) =>
  (model: HostLayout): number =>
    describeTargets(model, method, options).trained;

// Counts from the papers' formulas, with L layers of width d: BERT-base 12 and 768, RoBERTa-large 24 and 1024.
test.each<[string, (model: HostLayout) => number, number, number]>([
  ["LoRA of rank 8 on queries and values: 4·L·r·d", counting(lora, {}), 294_912, 786_432],
  ["DoRA: 2·L·d more", counting(dora, {}), 313_344, 835_584],
  ["Houlsby adapters at d/16: 2·L·(2·d·b + b + d)", counting(adapter, {}), 1_789_056, 6_343_680],
  ["Pfeiffer adapters: half of that", counting(adapter, { placement: "pfeiffer" }), 894_528, 3_171_840],
  ["two adapters of 24: 2·L·(48·d + 24 + d)", counting(adapter, { bottleneck: 24 }), 903_744, 2_409_600],
  ["parallel adapters at d/2: L·(d² + d/2 + d)", counting(adapter, { placement: "parallel" }), 7_091_712, 25_202_688],
  ["Compacter at d/32: 2·L·3·(d + b) + 64", counting(adapter, { phm: {} }), 57_088, 152_128],
  ["Compacter++: half of it", counting(adapter, { phm: {}, placement: "feed-forward" }), 28_576, 76_096],
  [
    "Compacter with rules apart at d/16: 2·L·(128 + 3·(d + d/16))",
    (model) => counting(adapter, { phm: { share: false }, bottleneck: model === bertBase ? 48 : 64 })(model),
    61_824,
    162_816,
  ],
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

const t5s = { small: t5(512, 8, 6, 1024), base: t5(768, 12, 12, 2048), xxl: t5(4096, 24, 64, 10_240) };
const toEncoder = ["cross.q", "cross.k", "cross.v", "cross.out"];
const headBiases = 32_128; // `head` trains the head's, which the stated counts include

// Their inner widths are unlike dModel where 64 a head do not add up to it.
test.each<[string, (model: HostLayout) => number, number, number, number]>([
  [
    "LoRA of rank 8 as PEFT has it, attention to the encoder included",
    counting(lora, { targets: ["attn.q", "attn.v", "cross.q", "cross.v"] }),
    344_064,
    884_736,
    9_437_184,
  ],
  [
    "LoRA of rank 8 as OpenDelta has it",
    counting(lora, { targets: ["attn.q", "attn.v"] }),
    229_376,
    589_824,
    6_291_456,
  ],
  ["two adapters of 24", counting(adapter, { bottleneck: 24 }), 803_584, 1_807_488, 19_269_888],
  ["a prompt of 100", counting(prompt, { length: 100 }), 51_200, 76_800, 409_600],
  ["(IA)³ as PEFT has it", counting(ia3, {}), 34_816, 104_448, 1_081_344],
  [
    "BitFit with injected biases, attention to the encoder left out",
    counting(bitFit, { inject: true, keyBias: true, exclude: toEncoder }),
    121_216 - headBiases,
    270_208 - headBiases,
    2_497_920 - headBiases,
  ],
])("%s, on T5 v1.1", (_, count, onSmall, onBase, onXxl) => {
  expect([count(t5s.small), count(t5s.base), count(t5s.xxl)]).toEqual([onSmall, onBase, onXxl]);
});

test("LoRA, scales, norms and biases on GPT-2 small, whose queries, keys and values are one layer", () => {
  const gpt2 = modelLayout({ model_type: "gpt2", vocab_size: 50_257, n_embd: 768, n_layer: 12, n_head: 12 });
  expect(counting(lora, { targets: ["attn.qkv"] })(gpt2)).toBe(294_912);
  expect(counting(lora, { targets: ["attn.q", "attn.v"] })(gpt2)).toBe(294_912);
  expect(counting(ia3, {})(gpt2)).toBe(64_512);
  expect(counting(norms, {})(gpt2)).toBe(38_400);
  expect(counting(bitFit, {})(gpt2)).toBe(102_144);
});

const llama = (keyHeads: number, dFf: number, vocab: number): HostLayout =>
  modelLayout({
    model_type: "llama",
    vocab_size: vocab,
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: keyHeads,
    intermediate_size: dFf,
  });
const [llama2, llama3] = [llama(32, 11_008, 32_000), llama(8, 14_336, 128_256)];

test.each<[string, (model: HostLayout) => number, number, number]>([
  ["LoRA of rank 8 on queries and values", counting(lora, {}), 4_194_304, 3_407_872],
  ["LoRA of rank 8 on every linear layer", counting(lora, { targets: "all-linear" }), 19_988_480, 20_971_520],
  ["(IA)³", counting(ia3, {}), 614_400, 524_288],
  ["norms", counting(norms, {}), 266_240, 266_240],
  ["a prefix of 20, of keys that heads share", counting(prefix, { length: 20 }), 5_242_880, 1_310_720],
])("%s, on Llama 2 of 7B and Llama 3 of 8B", (_, count, on2, on3) => {
  expect([count(llama2), count(llama3)]).toEqual([on2, on3]);
});
