import { ConfigError } from "@cambium/base";
import * as z from "zod";
import type { ModelConfig } from "../../architecture.ts";
import { activationNames, type HiddenActivation } from "../../blocks.ts";
import { parseModelConfig } from "../../config.ts";

/**
 * What makes a GPT-2, under the names of transformers' `config.json`.
 *
 * A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface Gpt2Config extends ModelConfig {
  readonly model_type: "gpt2";
  /** Rows of the position embeddings. @default 1024 */
  readonly n_positions: number;
  /** dModel, a multiple of `n_head`. @default 768 */
  readonly n_embd: number;
  /** @default 12 */
  readonly n_layer: number;
  /** @default 12 */
  readonly n_head: number;
  /** dFf. @default 4 · n_embd */
  readonly n_inner?: number;
  /** @default "gelu_new" */
  readonly activation_function: HiddenActivation;
  /** Dropout rate of what attention and the feed-forward part give, while training. @default 0.1 */
  readonly resid_pdrop: number;
  /** Dropout rate of the embeddings, while training. @default 0.1 */
  readonly embd_pdrop: number;
  /** Dropout rate of attention probabilities, while training. @default 0.1 */
  readonly attn_pdrop: number;
  /** Dropout rate before a classifier of tokens, while training. @default 0.1 */
  readonly classifier_dropout?: number;
  /** ε of every layer norm. @default 1e-5 */
  readonly layer_norm_epsilon: number;
  /** Standard deviation of random weights. @default 0.02 */
  readonly initializer_range: number;
  /** Whether scores are divided by √dHead. @default true */
  readonly scale_attn_weights: boolean;
  /** Whether scores are divided by the layer's number as well, counted from 1. @default false */
  readonly scale_attn_by_inverse_layer_idx: boolean;
  /** Whether the language model's head is the word embeddings. @default true */
  readonly tie_word_embeddings: boolean;
}

const size = z.int().positive();
const rate = z.number().min(0).lt(1);

const keys = {
  model_type: z.literal("gpt2"),
  vocab_size: size.default(50257),
  n_positions: size.default(1024),
  n_embd: size.default(768),
  n_layer: size.default(12),
  n_head: size.default(12),
  n_inner: size.exactOptional(),
  activation_function: z.enum(activationNames).default("gelu_new"),
  resid_pdrop: rate.default(0.1),
  embd_pdrop: rate.default(0.1),
  attn_pdrop: rate.default(0.1),
  classifier_dropout: rate.exactOptional(),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  initializer_range: z.number().positive().default(0.02),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  // Another model altogether.
  add_cross_attention: z.literal(false).exactOptional(),
  is_causal: z.literal(true).exactOptional(),
};

/** What else stands in the configs of GPT-2: of no effect here, kept and written back. */
const otherKeys = [
  "n_ctx",
  "reorder_and_upcast_attn", // the same sums in another precision
  "summary_activation",
  "summary_first_dropout",
  "summary_proj_to_labels",
  "summary_type",
  "summary_use_proj",
];

/** Words that transformers' `GPT2Config` takes for these keys. */
const aliases = {
  hidden_size: "n_embd",
  max_position_embeddings: "n_positions",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};

/** See `Architecture.parse`. */
export function parseGpt2Config(caller: string, value: unknown, from: "user" | "file"): Gpt2Config {
  const config = parseModelConfig(caller, value, from, { keys, otherKeys, aliases });
  if (config.n_embd % config.n_head !== 0) {
    throw new ConfigError({
      message: `${caller}: n_embd must be a multiple of n_head, got ${config.n_embd} and ${config.n_head}`,
    });
  }
  return config;
}
