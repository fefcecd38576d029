import { ConfigError } from "@cambium/base";
import * as z from "zod";
import type { ModelConfig } from "../../architecture.ts";
import { activationNames, type HiddenActivation } from "../../blocks.ts";
import { parseModelConfig } from "../../config.ts";

/**
 * What makes an encoder, under the names of transformers' `config.json`.
 *
 * A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface BertConfig extends ModelConfig {
  /** XLM-RoBERTa and CamemBERT are RoBERTa with other vocabularies. */
  readonly model_type: "bert" | "roberta" | "xlm-roberta" | "camembert";
  /** Rows of the word embeddings. */
  readonly vocab_size: number;
  /** dModel, a multiple of `num_attention_heads`. */
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** dFf, the width between the two feed-forward layers. */
  readonly intermediate_size: number;
  /** Rows of the position embeddings. RoBERTa leaves the first `pad_token_id + 1` of them to padding. @default 512 */
  readonly max_position_embeddings: number;
  /** Segments a token may belong to. @default 2 */
  readonly type_vocab_size: number;
  /** Id of the padding token. @default 0 for BERT, 1 for the others */
  readonly pad_token_id: number;
  /** @default "gelu" */
  readonly hidden_act: HiddenActivation;
  /** ε of every layer norm. @default 1e-12 */
  readonly layer_norm_eps: number;
  /** Dropout rate of embeddings and sublayers, while training. @default 0.1 */
  readonly hidden_dropout_prob: number;
  /** Dropout rate of attention probabilities, while training. @default 0.1 */
  readonly attention_probs_dropout_prob: number;
  /** Dropout rate before a classifier, while training. @default hidden_dropout_prob */
  readonly classifier_dropout?: number;
  /** Standard deviation of random weights. @default 0.02 */
  readonly initializer_range: number;
}

const size = z.int().positive();
const rate = z.number().min(0).lt(1);

const keys = {
  model_type: z.enum(["bert", "roberta", "xlm-roberta", "camembert"]),
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  pad_token_id: z.int().min(0).exactOptional(),
  hidden_act: z.enum(activationNames).default("gelu"),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_dropout_prob: rate.default(0.1),
  attention_probs_dropout_prob: rate.default(0.1),
  classifier_dropout: rate.exactOptional(),
  initializer_range: z.number().positive().default(0.02),
  // Variants that would compute something else.
  position_embedding_type: z.literal("absolute").exactOptional(),
  is_decoder: z.literal(false).exactOptional(),
  is_causal: z.literal(false).exactOptional(),
  add_cross_attention: z.literal(false).exactOptional(),
  tie_word_embeddings: z.literal(true).exactOptional(),
};

/** What else stands in the configs of encoders: of no effect here, kept and written back. */
const otherKeys = [
  "directionality",
  "pooler_fc_size",
  "pooler_num_attention_heads",
  "pooler_num_fc_layers",
  "pooler_size_per_head",
  "pooler_type",
];

/**
 * A whole config from what a user typed (`"user"`) or from a `config.json` (`"file"`), defaults filled in.
 *
 * @throws {ConfigError} A value is out of range, a size is missing, the model is a variant that is not supported, or a
 *   user typed a key that does not exist; the nearest one is named.
 */
export function parseBertConfig(caller: string, value: unknown, from: "user" | "file"): BertConfig {
  const parsed = parseModelConfig(caller, value, from, { keys, otherKeys });
  const config = { ...parsed, pad_token_id: parsed.pad_token_id ?? (parsed.model_type === "bert" ? 0 : 1) };
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new ConfigError({
      message: `${caller}: hidden_size must be a multiple of num_attention_heads, got ${config.hidden_size} and ${config.num_attention_heads}`,
    });
  }
  return config;
}

/** The longest sequence, prompts included, that the position embeddings allow. */
export function maximumLength(config: BertConfig): number {
  return config.max_position_embeddings - firstPosition(config);
}

/** Row of the position embeddings at which counting starts. */
export function firstPosition(config: BertConfig): number {
  return config.model_type === "bert" ? 0 : config.pad_token_id + 1;
}
