/** GGUF files of decoders of LLaMA's form, as far as they are alike: names of tensors, sizes, and rotary positions. */
import { ConfigError } from "@cambium/base";
import type { GgufFields } from "../../gguf/fields.ts";
import type { GgufConfig, GgufEntry } from "../../gguf/format.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import { llama3Factors, llama3Scaling } from "./llama3-factors.ts";
import type { RopeParameters } from "./rope-config.ts";

/** What `readDecoder` gives: what the metadata say of a config. */
export type GgufDecoder = Omit<
  DecoderConfig,
  "model_type" | "vocab_size" | "hidden_act" | "attention_dropout" | "initializer_range"
> & {
  readonly vocab_size?: number;
};

/** Names of modules, as `GgufFormat.names`. */
export const decoderNames: Readonly<Record<string, string>> = {
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
};

/** Heads of the modules whose rows stand in pairs, in files of `llama`: as Meta's own files have them. */
export const decoderPairs = (config: DecoderConfig): Readonly<Record<string, number>> => ({
  "blk.#.attn_q": config.num_attention_heads,
  "blk.#.attn_k": config.num_key_value_heads,
});

/**
 * The common part of a config from the metadata. A head is tied where the file has no matrix of it.
 *
 * @throws {FormatError} For metadata that cannot be followed, by the key's name.
 */
export function readDecoder(fields: GgufFields): GgufDecoder {
  const heads = fields.needCount("attention.head_count");
  const width = fields.needCount("embedding_length");
  const dHead = fields.count("attention.key_length") ?? width / heads;
  const valueWidth = fields.count("attention.value_length") ?? width / heads;
  if (valueWidth !== dHead) {
    throw fields.refuse(
      "attention.value_length",
      `is ${valueWidth}, and keys have a width of ${dHead}: both must be alike`,
    );
  }
  fields.only("rope.dimension_count", dHead);
  const vocabulary = fields.vocabularySize();
  if (vocabulary !== undefined) fields.only("vocab_size", vocabulary);
  // What changes nothing at these values, and is not computed at others.
  fields.only("expert_count", 0);
  fields.only("expert_used_count", 0);
  fields.only("attention.causal", true);
  fields.only("pooling_type", 0);
  fields.only("attention.scale", 0);
  fields.only("attention.clamp_kqv", 0);
  fields.only("attention.max_alibi_bias", 0);
  fields.only("use_parallel_residual", false);
  fields.only("logit_scale", 1);
  fields.only("residual_scale", 1);
  fields.only("embedding_scale", 1);
  fields.ignore("tensor_data_layout");
  const epsilon = fields.decimal("attention.layer_norm_rms_epsilon");
  if (epsilon === undefined) throw fields.refuse("attention.layer_norm_rms_epsilon", "is absent");
  return {
    ...(vocabulary !== undefined && { vocab_size: vocabulary }),
    hidden_size: width,
    intermediate_size: fields.needCount("feed_forward_length"),
    num_hidden_layers: fields.layers(),
    num_attention_heads: heads,
    num_key_value_heads: fields.count("attention.head_count_kv") ?? heads,
    head_dim: dHead,
    max_position_embeddings: fields.needCount("context_length"),
    rope_parameters: readRope(fields, dHead),
    rms_norm_eps: epsilon,
    tie_word_embeddings: fields.shape("output.weight") === undefined,
  };
}

/** llama.cpp takes a scaling without a type for `linear`, and the older key where the factor is absent. */
function readRope(fields: GgufFields, dHead: number): RopeParameters {
  const theta = fields.decimal("rope.freq_base") ?? 10000;
  const type = fields.text("rope.scaling.type") ?? "linear";
  const older = fields.decimal("rope.scale_linear");
  const factor = fields.decimal("rope.scaling.factor") ?? older ?? 1;
  const original = fields.count("rope.scaling.original_context_length");
  fields.only("rope.scaling.attn_factor", 1);
  fields.ignore("rope.scaling.finetuned");
  if (type !== "linear" && type !== "none") {
    throw fields.refuse("rope.scaling.type", `is "${type}", and none, linear and LLaMA 3's factors are computed`);
  }
  const divides = type === "linear" && factor !== 0 && factor !== 1;
  const factors = fields.ropeFactors();
  if (factors === undefined || factors.every((each) => each === 1)) {
    return divides ? { rope_type: "linear", rope_theta: theta, factor } : { rope_type: "default", rope_theta: theta };
  }
  if (divides)
    throw fields.refuse(
      "rope.scaling.factor",
      'stands beside the tensor "rope_freqs.weight"; only one can be followed',
    );
  const scaling = llama3Scaling(factors, theta, dHead, original);
  if (scaling !== undefined) return { rope_type: "llama3", rope_theta: theta, ...scaling };
  throw fields.refuse(
    "rope.freq_base",
    `is ${theta}, and the tensor "rope_freqs.weight" scales its frequencies as no llama3 scaling does`,
  );
}

/**
 * The metadata of a config's common part.
 *
 * @throws {ConfigError} For an activation other than SiLU, which is the one that such files mean.
 */
export function writeDecoder(config: DecoderConfig): GgufConfig {
  const { head_dim: dHead, rope_parameters: rope } = config;
  if (config.hidden_act !== "silu") {
    throw new ConfigError({
      message: `saveGguf: "hidden_act" is "${config.hidden_act}", and GGUF files of this family mean silu`,
      hidden_act: config.hidden_act,
    });
  }
  const entries: GgufEntry[] = [
    ["block_count", "UINT32", config.num_hidden_layers],
    ["context_length", "UINT32", config.max_position_embeddings],
    ["embedding_length", "UINT32", config.hidden_size],
    ["feed_forward_length", "UINT32", config.intermediate_size],
    ["attention.head_count", "UINT32", config.num_attention_heads],
    ["attention.head_count_kv", "UINT32", config.num_key_value_heads],
    ["attention.key_length", "UINT32", dHead],
    ["attention.value_length", "UINT32", dHead],
    ["attention.layer_norm_rms_epsilon", "FLOAT32", config.rms_norm_eps],
    ["vocab_size", "UINT32", config.vocab_size],
    ["rope.dimension_count", "UINT32", dHead],
    ["rope.freq_base", "FLOAT32", rope.rope_theta],
  ];
  if (rope.rope_type === "linear") {
    entries.push(["rope.scaling.type", "STRING", "linear"], ["rope.scaling.factor", "FLOAT32", rope.factor]);
  }
  if (rope.rope_type !== "llama3") return { entries };
  entries.push(["rope.scaling.original_context_length", "UINT32", rope.original_max_position_embeddings]);
  return { entries, ropeFactors: llama3Factors(rope, rope.rope_theta, dHead) };
}
