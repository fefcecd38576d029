import { modelLayout } from "@cambium/models";
import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { describeTargets } from "./describe.ts";
import type { HostLayout } from "./host.ts";
import type { Method } from "./method.ts";
import {
  adaLora,
  bitFit,
  dora,
  ia3,
  loHa,
  loKr,
  lora,
  norms,
  oft,
  prefix,
  prompt,
  pTuning,
  tokens,
  vera,
} from "./methods/index.ts";

/** Llama-3.2-3B without its weights: 28 layers of width 3072, keys of 1024, feed-forward width 8192. */
const llama = modelLayout({
  model_type: "llama",
  vocab_size: 128_256,
  hidden_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 24,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 8192,
  tie_word_embeddings: true,
});

const counting =
  <Options, Config>(method: Method<Options, Config>, options: Options) =>
  (model: HostLayout): number =>
    describeTargets(model, method, options).trained;

// What PEFT's method comparison prints for its experiments on this model.
test.each<[string, (model: HostLayout) => number, number]>([
  ["LoRA of rank 32", counting(lora, { rank: 32 }), 9_175_040],
  [
    "LoRA of rank 10 in the feed-forward part",
    counting(lora, { rank: 10, targets: ["gate_proj", "up_proj", "down_proj"] }),
    9_461_760,
  ],
  ["DoRA of rank 32", counting(dora, { rank: 32 }), 9_289_728],
  ["AdaLoRA of initial rank 64", counting(adaLora, { initialRank: 64, targetRank: 32 }), 18_353_664],
  ["VeRA of rank 256", counting(vera, {}), 129_024],
  ["LoHa of rank 32", counting(loHa, { rank: 32 }), 18_350_080],
  ["LoKr of rank 32, factor 4", counting(loKr, { rank: 32, factor: 4 }), 2_294_656],
  ["(IA)³ as usual", counting(ia3, {}), 286_720],
  ["a prefix of 200", counting(prefix, { length: 200 }), 11_468_800],
  ["a prefix of 50", counting(prefix, { length: 50 }), 2_867_200],
  ["biases of the values alone, as BEFT", counting(bitFit, { inject: true, targets: ["attn.v"] }), 28_672],
  ["OFT of 32 blocks", counting(oft, { blocks: 32 }), 8_171_520],
  ["norms", counting(norms, {}), 175_104],
  ["P-tuning of 20", counting(pTuning, {}), 28_382_208],
  ["two trained tokens", counting(tokens, { ids: [5, 128_000] }), 6144],
  ["a prompt of 200", counting(prompt, { length: 200 }), 614_400],
])("%s on Llama-3.2-3B", (_, count, expected) => {
  const before = memory().numTensors;
  expect(count(llama)).toBe(expected);
  expect(memory().numTensors).toBe(before);
});
