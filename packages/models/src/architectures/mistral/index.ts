import type { Architecture } from "../../architecture.ts";
import { decoderFamily } from "../llama/form.ts";
import { type MistralConfig, parseMistralConfig } from "./config.ts";
import { mistralGguf } from "./gguf.ts";

export type { MistralConfig } from "./config.ts";

/** Mistral (Jiang et al. 2023, arXiv:2310.06825): LLaMA's form, each row of which sees a window of the rows before it. */
export const mistral: Architecture<MistralConfig> = {
  ...decoderFamily<MistralConfig>(
    "Mistral",
    ({ sliding_window: window, num_hidden_layers: layers }) => ({
      ...(window !== null && { windows: Array.from({ length: layers }, () => window) }),
    }),
    "model",
  ),
  types: ["mistral"],
  parse: parseMistralConfig,
  gguf: mistralGguf,
  tiny: (dropout) => ({
    model_type: "mistral",
    vocab_size: 23,
    hidden_size: 10,
    intermediate_size: 14,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    max_position_embeddings: 20,
    rope_parameters: { rope_type: "default", rope_theta: 20 },
    sliding_window: 3,
    attention_dropout: dropout,
    classifier_dropout: dropout,
    initializer_range: 0.4,
  }),
};
