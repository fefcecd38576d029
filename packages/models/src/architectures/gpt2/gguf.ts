import { ConfigError } from "@cambium/base";
import type { GgufFormat } from "../../gguf/format.ts";
import type { Gpt2Config } from "./config.ts";

/** Activations that are the same as `gelu_new`, which is the one that GGUF files of GPT-2 mean. */
const MEANT = ["gelu_new", "gelu_pytorch_tanh"];

/** GPT-2 in GGUF files, where linear layers stand as `[out, in]`. */
export const gpt2Gguf: GgufFormat<Gpt2Config> = {
  architecture: "gpt2",
  readConfig(fields) {
    const heads = fields.needCount("attention.head_count");
    const vocabulary = fields.vocabularySize();
    const epsilon = fields.decimal("attention.layer_norm_epsilon");
    if (epsilon === undefined) throw fields.refuse("attention.layer_norm_epsilon", "is absent");
    fields.only("attention.head_count_kv", heads);
    fields.only("attention.causal", true);
    if (vocabulary !== undefined) fields.only("vocab_size", vocabulary);
    return {
      model_type: "gpt2",
      ...(vocabulary !== undefined && { vocab_size: vocabulary }),
      n_positions: fields.needCount("context_length"),
      n_embd: fields.needCount("embedding_length"),
      n_inner: fields.needCount("feed_forward_length"),
      n_layer: fields.layers(),
      n_head: heads,
      layer_norm_epsilon: epsilon,
      tie_word_embeddings: fields.shape("output.weight") === undefined,
    };
  },
  writeConfig(config) {
    const refuse = (key: keyof Gpt2Config): ConfigError =>
      new ConfigError({
        message: `saveGguf: "${key}" is ${JSON.stringify(config[key])}, which GGUF files of GPT-2 cannot say`,
        key,
      });
    if (!MEANT.includes(config.activation_function)) throw refuse("activation_function");
    if (!config.scale_attn_weights) throw refuse("scale_attn_weights");
    if (config.scale_attn_by_inverse_layer_idx) throw refuse("scale_attn_by_inverse_layer_idx");
    return {
      entries: [
        ["block_count", "UINT32", config.n_layer],
        ["context_length", "UINT32", config.n_positions],
        ["embedding_length", "UINT32", config.n_embd],
        ["feed_forward_length", "UINT32", config.n_inner ?? 4 * config.n_embd],
        ["attention.head_count", "UINT32", config.n_head],
        ["attention.layer_norm_epsilon", "FLOAT32", config.layer_norm_epsilon],
      ],
    };
  },
  names: {
    token_embd: "transformer.wte",
    position_embd: "transformer.wpe",
    "blk.#.attn_norm": "transformer.h.#.ln_1",
    "blk.#.attn_qkv": "transformer.h.#.attn.c_attn",
    "blk.#.attn_output": "transformer.h.#.attn.c_proj",
    "blk.#.ffn_norm": "transformer.h.#.ln_2",
    "blk.#.ffn_up": "transformer.h.#.mlp.c_fc",
    "blk.#.ffn_down": "transformer.h.#.mlp.c_proj",
    output_norm: "transformer.ln_f",
    output: "lm_head",
  },
  turned: ["blk.#.attn_qkv", "blk.#.attn_output", "blk.#.ffn_up", "blk.#.ffn_down"],
};
