import { readDecoder, writeDecoder } from "../../gguf/decoder.ts";
import type { GgufFormat } from "../../gguf/format.ts";
import type { LlamaConfig } from "./config.ts";

/** LLaMA in GGUF files, where the rows of queries and keys stand as Meta's own files have them: pairs beside each other. */
export const llamaGguf: GgufFormat<LlamaConfig> = {
  architecture: "llama",
  readConfig: (fields) => ({
    model_type: "llama",
    ...readDecoder(fields),
    attention_bias: fields.shape("blk.0.attn_q.bias") !== undefined,
    mlp_bias: fields.shape("blk.0.ffn_up.bias") !== undefined,
  }),
  writeConfig: writeDecoder,
  names: {
    token_embd: "model.embed_tokens",
    "blk.#.attn_norm": "model.layers.#.input_layernorm",
    "blk.#.attn_q": "model.layers.#.self_attn.q_proj",
    "blk.#.attn_k": "model.layers.#.self_attn.k_proj",
    "blk.#.attn_v": "model.layers.#.self_attn.v_proj",
    "blk.#.attn_output": "model.layers.#.self_attn.o_proj",
    "blk.#.ffn_norm": "model.layers.#.post_attention_layernorm",
    "blk.#.ffn_gate": "model.layers.#.mlp.gate_proj",
    "blk.#.ffn_up": "model.layers.#.mlp.up_proj",
    "blk.#.ffn_down": "model.layers.#.mlp.down_proj",
    output_norm: "model.norm",
    output: "lm_head",
  },
  pairedHeads: (config) => ({
    "blk.#.attn_q": config.num_attention_heads,
    "blk.#.attn_k": config.num_key_value_heads,
  }),
};
