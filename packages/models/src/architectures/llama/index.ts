import type { Architecture } from "../../architecture.ts";
import { type LlamaConfig, parseLlamaConfig } from "./config.ts";
import { decoderFamily } from "./form.ts";
import { llamaGguf } from "./gguf.ts";

export type { LlamaConfig } from "./config.ts";
export type { DecoderConfig } from "./decoder-config.ts";
export type { RopeParameters } from "./rope-config.ts";

/** LLaMA 2 and 3 (Touvron et al. 2023, arXiv:2307.09288; Grattafiori et al. 2024, arXiv:2407.21783), and models of their form such as SmolLM2. */
export const llama: Architecture<LlamaConfig> = {
  ...decoderFamily<LlamaConfig>("Llama", ({ attention_bias, mlp_bias }) => ({
    biases: { qkv: attention_bias, out: attention_bias, feedForward: mlp_bias },
  })),
  types: ["llama"],
  parse: parseLlamaConfig,
  gguf: llamaGguf,
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
    classifier_dropout: dropout,
    initializer_range: 0.4,
  }),
};
