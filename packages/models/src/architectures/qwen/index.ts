import type { Architecture } from "../../architecture.ts";
import { type DecoderFamily, decoderFamily } from "../llama/form.ts";
import { parseQwen2Config, parseQwen3Config, type Qwen2Config, type Qwen3Config, windowsOf } from "./config.ts";
import { qwen2Gguf, qwen3Gguf } from "./gguf.ts";

export type { LayerType, Qwen2Config, Qwen3Config } from "./config.ts";

const defaultsOf = <Config extends Qwen2Config | Qwen3Config>(family: DecoderFamily<Config>) => ({
  ...family.defaults,
  ia3: { targets: ["attn.q", "attn.v", "ff.down"], feedForward: ["ff.down"] }, // as PEFT
  norms: { targets: ["ff.norm"] }, // as PEFT
});

const tiny = (dropout: number) => ({
  vocab_size: 23,
  hidden_size: 10,
  intermediate_size: 14,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  max_position_embeddings: 20,
  rope_parameters: { rope_type: "default", rope_theta: 20 },
  use_sliding_window: true,
  sliding_window: 3,
  max_window_layers: 1,
  attention_dropout: dropout,
  classifier_dropout: dropout,
  initializer_range: 0.4,
});

const qwen2Family = decoderFamily<Qwen2Config>("Qwen2", (config) => ({
  biases: { qkv: true, out: false, feedForward: false },
  windows: windowsOf(config),
}));

/** Qwen 2 and 2.5 (Yang et al. 2024, arXiv:2407.10671 and arXiv:2412.15115): LLaMA's form with biases to queries, keys and values. */
export const qwen2: Architecture<Qwen2Config> = {
  ...qwen2Family,
  types: ["qwen2"],
  parse: parseQwen2Config,
  gguf: qwen2Gguf,
  defaults: defaultsOf(qwen2Family),
  tiny: (dropout) => ({ ...tiny(dropout), model_type: "qwen2" }),
};

const qwen3Family = decoderFamily<Qwen3Config>("Qwen3", (config) => ({
  biases: { qkv: config.attention_bias, out: config.attention_bias, feedForward: false },
  headNorms: true,
  windows: windowsOf(config),
}));

/** Qwen 3 (Yang et al. 2025, arXiv:2505.09388): LLaMA's form, each head's queries and keys normed. */
export const qwen3: Architecture<Qwen3Config> = {
  ...qwen3Family,
  types: ["qwen3"],
  parse: parseQwen3Config,
  gguf: qwen3Gguf,
  defaults: defaultsOf(qwen3Family),
  tiny: (dropout) => ({ ...tiny(dropout), model_type: "qwen3", attention_bias: true }),
};
