import type { Architecture } from "../../architecture.ts";
import { causalHead } from "../../heads/causal-lm.ts";
import { lastTokenHeads } from "../../heads/last-token.ts";
import { classifierDropout, questionAnsweringHead, tokenClassificationHead } from "../../heads/tokens.ts";
import { type Gpt2Config, parseGpt2Config } from "./config.ts";
import { decode } from "./forward.ts";
import { gpt2Gguf } from "./gguf.ts";
import { gpt2Layout, startOf, WORDS } from "./layout.ts";

export type { Gpt2Config } from "./config.ts";

const width = (config: Gpt2Config): number => config.n_embd;

/** GPT-2 (Radford et al. 2019). */
export const gpt2: Architecture<Gpt2Config> = {
  types: ["gpt2"],
  parse: parseGpt2Config,
  layout: gpt2Layout,
  batch: "tokens",
  packs: true,
  maximumLength: (config) => config.n_positions,
  forward: decode,
  heads: {
    "causal-lm": causalHead({
      path: "lm_head",
      table: WORDS,
      width,
      start: startOf,
      isTied: (config) => config.tie_word_embeddings,
    }),
    ...lastTokenHeads({ path: "score", width, start: startOf }),
    "token-classification": tokenClassificationHead({
      path: "classifier",
      width,
      start: startOf,
      dropout: classifierDropout,
    }),
    "question-answering": questionAnsweringHead({ path: "qa_outputs", width, start: startOf }),
  },
  wrapper: { name: "transformer", inNames: true },
  isBuffer: (name) => /^h\.\d+\.attn\.(masked_)?bias$/.test(name),
  gguf: gpt2Gguf,
  classNames: () => ({
    base: "GPT2Model",
    "causal-lm": "GPT2LMHeadModel",
    "sequence-classification": "GPT2ForSequenceClassification",
    regression: "GPT2ForSequenceClassification",
    "token-classification": "GPT2ForTokenClassification",
    "question-answering": "GPT2ForQuestionAnswering",
  }),
  floatKeys: ["initializer_range", "layer_norm_epsilon"],
  defaults: {
    lora: { targets: ["attn.qkv"] },
    adaLora: { targets: ["attn.qkv"] },
    vera: { targets: ["attn.qkv"] },
    dora: { targets: ["attn.qkv"] },
    fourierFt: { targets: ["ff.down"] },
    c3a: { targets: ["ff.down"] },
    ia3: { targets: ["attn.qkv", "ff.down"], feedForward: ["ff.down"] },
  },
  tiny: (dropout) => ({
    model_type: "gpt2",
    vocab_size: 23,
    n_positions: 20,
    n_embd: 8,
    n_layer: 2,
    n_head: 2,
    n_inner: 12,
    initializer_range: 0.4,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: dropout,
    classifier_dropout: dropout,
  }),
};
