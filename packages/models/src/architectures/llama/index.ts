import type { Architecture } from "../../architecture.ts";
import { causalHead } from "../../heads/causal-lm.ts";
import { lastTokenHeads } from "../../heads/last-token.ts";
import { type LlamaConfig, parseLlamaConfig } from "./config.ts";
import { decode } from "./forward.ts";
import { llamaLayout, startOf, WORDS } from "./layout.ts";

export type { LlamaConfig } from "./config.ts";
export type { RopeParameters } from "./rope-config.ts";

const width = (config: LlamaConfig): number => config.hidden_size;

/** LLaMA 2 and 3 (Touvron et al. 2023, arXiv:2307.09288; Grattafiori et al. 2024, arXiv:2407.21783), and models of their form such as SmolLM2. */
export const llama: Architecture<LlamaConfig> = {
  types: ["llama"],
  parse: parseLlamaConfig,
  layout: llamaLayout,
  batch: "tokens",
  maximumLength: (config) => config.max_position_embeddings,
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
  },
  wrapper: { name: "model", inNames: true },
  // Files of LLaMA 2 hold the frequencies.
  isBuffer: (name) => /^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/.test(name),
  classNames: () => ({
    base: "LlamaModel",
    "causal-lm": "LlamaForCausalLM",
    "sequence-classification": "LlamaForSequenceClassification",
    regression: "LlamaForSequenceClassification",
  }),
  floatKeys: ["initializer_range", "rms_norm_eps", "rope_theta", "factor", "low_freq_factor", "high_freq_factor"],
  defaults: {
    lora: { targets: ["attn.q", "attn.v"] },
    dora: { targets: ["attn.q", "attn.v"] },
    vera: { targets: ["attn.q", "attn.v"] },
    adaLora: { targets: ["attn.q", "attn.v"] },
    ia3: { targets: ["attn.k", "attn.v", "ff.down"], feedForward: ["ff.down"] },
  },
  tiny: (dropout) => ({
    model_type: "llama",
    vocab_size: 23,
    hidden_size: 10,
    intermediate_size: 14,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    max_position_embeddings: 20,
    rope_parameters: {
      rope_type: "llama3",
      rope_theta: 20,
      factor: 4,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    },
    attention_bias: true,
    mlp_bias: true,
    attention_dropout: dropout,
    initializer_range: 0.4,
  }),
};
