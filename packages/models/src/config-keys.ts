/**
 * Keys of transformers' configs that change what some family computes without a trace in the names and shapes of its weights.
 * A file may hold any key; one of these is refused by families that do not read it, unless its value changes nothing.
 *
 * Taken from the config classes of transformers 5.23 for language models, and from forks of families that keep their
 * `model_type`. Keys that add or remove weights, such as those of experts, are told by the weights.
 */
import { ConfigError, canonicalJson } from "@cambium/base";

/** Keys by the values with which they change nothing; null never does. */
const changing: readonly { readonly inert: readonly unknown[]; readonly keys: readonly string[] }[] = [
  {
    inert: [false],
    keys: [
      "add_cross_attention",
      "alibi",
      "apply_residual_connection_post_layernorm",
      "asm",
      "attn_temperature_tuning",
      "emb_layer_norm_before",
      "is_prefix_lm",
      "mup_enabled",
      "norm_after",
      "parallel_attn",
      "parallel_residual",
      "pre_norm",
      "prefix_lm",
      "relative_attention",
      "rescale_embeddings",
      "rope_interleave",
      "rope_interleaved",
      "rotary_value",
      "scale_attn_by_inverse_layer_idx",
      "scale_embedding",
      "sinusoidal_embeddings",
      "tie_encoder_decoder",
      "token_dropout",
      "use_alibi",
      "use_bidirectional_attention",
      "use_dynamic_ntk",
      "use_logn_attn",
      "use_mrope",
      "use_parallel_residual",
      "use_post_norm",
      "use_qk_norm",
      "use_sliding_window",
    ],
  },
  { inert: [true], keys: ["position_biased_input", "scale_attn_weights"] },
  {
    inert: [1],
    keys: [
      "attention_in_multiplier",
      "attention_out_multiplier",
      "attention_value_scale",
      "embedding_multiplier",
      "embedding_scale",
      "key_multiplier",
      "lm_head_multiplier",
      "logit_scale",
      "logits_scaling",
      "mup_width_multiplier",
      "num_hidden_groups",
      "partial_rotary_factor",
      "residual_multiplier",
      "rope_ratio",
      "rotary_pct",
      "scale_emb",
    ],
  },
  { inert: [0, 1], keys: ["moe_k", "n_routed_experts", "num_experts", "num_local_experts"] },
  { inert: ["absolute"], keys: ["position_embedding_type"] },
  { inert: [[], {}], keys: ["per_layer_config", "pruned_heads"] },
  {
    inert: [],
    keys: [
      "activation_sparsity_pattern",
      "attention_chunk_size",
      "attention_multiplier",
      "attention_types",
      "attention_window",
      "attention_window_size",
      "attn_logit_softcapping",
      "attn_scale",
      "clip_qkv",
      "dim_model_base",
      "do_layer_norm_before",
      "final_logit_softcapping",
      "global_attn_every_n_layers",
      "kv_lora_rank",
      "layer_norm_type",
      "layer_types",
      "logits_soft_cap",
      "max_relative_positions",
      "no_rope_layer_interval",
      "no_rope_layers",
      "norm_type",
      "normalization_type",
      "output_logit_soft_cap",
      "pos_att_type",
      "query_pre_attn_scalar",
      "relative_attention_num_buckets",
      "rope_local_base_freq",
      "rope_parameters",
      "rope_scaling",
      "rope_theta",
      "rotary_dim",
      "rotary_emb_base",
      "scale_depth",
      "sliding_window",
      "sliding_window_pattern",
      "sliding_window_size",
      "swiglu_alpha",
      "swiglu_limit",
      "window_size",
    ],
  },
];

const inertValues: ReadonlyMap<string, readonly string[]> = new Map(
  changing.flatMap(({ inert, keys }) => keys.map((key) => [key, inert.map(canonicalJson)] as const)),
);

/** Words that families have for one thing. A file that says it in another family's word says nothing to its own. */
const synonyms: readonly (readonly string[])[] = [
  ["hidden_size", "n_embd", "d_model", "dim"],
  ["num_hidden_layers", "n_layer", "n_layers", "num_layers"],
  ["num_attention_heads", "n_head", "n_heads", "num_heads"],
  ["num_key_value_heads", "n_head_kv", "n_kv_heads", "num_kv_heads"],
  ["head_dim", "d_kv", "kv_channels"],
  ["max_position_embeddings", "n_positions"],
  ["hidden_act", "hidden_activation", "activation_function", "activation"],
  ["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "norm_epsilon"],
];

/** A config as it was given, without what means that a default holds. */
type Given = Readonly<Record<string, unknown>>;

/** Other words for a family's keys, as transformers reads them: the `attribute_map` of its config class. */
export type KeyAliases = Readonly<Record<string, string>>;

/**
 * A config under the family's own keys.
 *
 * @param aliases - Other words, and the keys that they mean.
 * @throws {ConfigError} When two words for one key disagree.
 */
export function readAliases(caller: string, given: Given, aliases: KeyAliases): Given {
  const read: Record<string, unknown> = { ...given };
  for (const [alias, key] of Object.entries(aliases)) {
    if (!Object.hasOwn(given, alias)) continue;
    const value = given[alias];
    delete read[alias];
    if (value === null) continue;
    if (Object.hasOwn(given, key) && canonicalJson(given[key]) !== canonicalJson(value)) {
      throw new ConfigError({
        message: `${caller}: "${alias}" (${canonicalJson(value)}) and "${key}" (${canonicalJson(given[key])}) are one setting, and disagree; leave one of them out`,
        key,
        alias,
      });
    }
    read[key] = value;
  }
  return read;
}

/**
 * Throws for a key that the family does not read, and that says how to compute: no config is read as one that it is not.
 *
 * @param given - What the config says, aliases read.
 * @param parsed - The family's own keys, defaults filled in.
 * @param keys - Keys that the family reads.
 * @param otherKeys - Keys that it knows to be of no effect.
 * @throws {ConfigError} Naming the key, and what the family calls it where it has a word for it.
 */
export function checkUnread(
  caller: string,
  given: Given,
  parsed: Given,
  keys: readonly string[],
  otherKeys: readonly string[],
): void {
  const isRead = (key: string): boolean => keys.includes(key);
  for (const [key, value] of Object.entries(given)) {
    if (isRead(key) || otherKeys.includes(key) || value === null) continue;
    const inert = inertValues.get(key);
    if (inert === undefined || inert.includes(canonicalJson(value))) continue;
    const alternatives = inert.length === 0 ? "" : `, unless it is ${inert.join(" or ")}`;
    throw new ConfigError({
      message: `${caller}: "${key}" is ${canonicalJson(value)}: it changes what a model computes, and is not supported here${alternatives}`,
      key,
    });
  }
  for (const words of synonyms) {
    const mine = words.find(isRead);
    if (mine === undefined || Object.hasOwn(given, mine)) continue;
    const foreign = words.find((word) => !isRead(word) && given[word] !== undefined && given[word] !== null);
    if (foreign === undefined || canonicalJson(given[foreign]) === canonicalJson(parsed[mine] ?? null)) continue;
    throw new ConfigError({
      message: `${caller}: "${foreign}" is ${canonicalJson(given[foreign])}: this architecture calls it "${mine}", which is absent`,
      key: foreign,
    });
  }
  checkOwnCode(caller, given["auto_map"]);
}

/** Throws for a folder that brings code for its model: what that computes is not in its config. */
function checkOwnCode(caller: string, map: unknown): void {
  if (typeof map !== "object" || map === null) return;
  const name = Object.keys(map).find((key) => /^AutoModel/.test(key));
  if (name === undefined) return;
  throw new ConfigError({
    message: `${caller}: "auto_map" names code of the folder's authors for its model ("${name}"), which is not run here; take the key away if the model computes what its "model_type" says`,
    key: "auto_map",
  });
}
