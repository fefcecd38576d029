import { ConfigError } from "@cambium/base";
import * as z from "zod";
import type { ModelConfig } from "../../architecture.ts";
import { activations, type HiddenActivation } from "../../blocks.ts";
import { parseModelConfig } from "../../config.ts";

/**
 * What makes a T5, under the names of transformers' `config.json`.
 *
 * A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface T5Config extends ModelConfig {
  readonly model_type: "t5";
  /** Width of the residual stream. @default 512 */
  readonly d_model: number;
  /** Width of one head; `num_heads · d_kv` need not be `d_model`. @default 64 */
  readonly d_kv: number;
  /** dFf. @default 2048 */
  readonly d_ff: number;
  /** Of the encoder. @default 6 */
  readonly num_layers: number;
  /** @default num_layers */
  readonly num_decoder_layers: number;
  /** @default 8 */
  readonly num_heads: number;
  /** @default 32 */
  readonly relative_attention_num_buckets: number;
  /** Distance from which on all positions are in one bucket. @default 128 */
  readonly relative_attention_max_distance: number;
  /** Every dropout rate, while training. @default 0.1 */
  readonly dropout_rate: number;
  /** ε of every RMS norm. @default 1e-6 */
  readonly layer_norm_epsilon: number;
  /** Factor on the deviations of random weights. @default 1 */
  readonly initializer_factor: number;
  /** An activation, such as `relu`; behind `gated-`, one that gates a second layer (version 1.1). @default "relu" */
  readonly feed_forward_proj: string;
  /** Whether the head is the word embeddings (version 1.0). @default true */
  readonly tie_word_embeddings: boolean;
  /** Whether the head reads the decoder's output divided by √d_model. @default tie_word_embeddings */
  readonly scale_decoder_outputs: boolean;
  /** What the decoder reads in front of its first word. @default pad_token_id */
  readonly decoder_start_token_id: number;
  /** @default 0 */
  readonly pad_token_id: number;
}

const size = z.int().positive();
const id = z.int().min(0);

const keys = {
  model_type: z.literal("t5"),
  vocab_size: size.default(32128),
  d_model: size.default(512),
  d_kv: size.default(64),
  d_ff: size.default(2048),
  num_layers: size.default(6),
  num_decoder_layers: size.exactOptional(),
  num_heads: size.default(8),
  relative_attention_num_buckets: z.int().min(4).default(32),
  relative_attention_max_distance: size.default(128),
  dropout_rate: z.number().min(0).lt(1).default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  initializer_factor: z.number().positive().default(1),
  feed_forward_proj: z.string().default("relu"),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().exactOptional(),
  decoder_start_token_id: id.exactOptional(),
  pad_token_id: id.default(0),
  // Another model altogether.
  is_decoder: z.literal(false).exactOptional(),
};

/** What else stands in the configs of T5: of no effect here, kept and written back. */
const otherKeys = ["classifier_dropout", "dense_act_fn", "is_gated_act", "n_positions"];

/** Words that transformers' `T5Config` takes for these keys. */
const aliases = {
  hidden_size: "d_model",
  num_attention_heads: "num_heads",
  num_hidden_layers: "num_layers",
  head_dim: "d_kv",
};

/** The feed-forward part that `feed_forward_proj` names. */
export interface FeedForwardKind {
  readonly isGated: boolean;
  readonly activation: HiddenActivation;
}

/** `gated-gelu` is the approximation by tanh: the released models were trained with it. */
export function feedForwardKind({ feed_forward_proj: name }: Pick<T5Config, "feed_forward_proj">): FeedForwardKind {
  if (name === "gated-gelu") return { isGated: true, activation: "gelu_new" };
  const isGated = name.startsWith("gated-");
  return { isGated, activation: name.replace(/^gated-/, "") as HiddenActivation };
}

/** See `Architecture.parse`. */
export function parseT5Config(caller: string, value: unknown, from: "user" | "file"): T5Config {
  const parsed = parseModelConfig(caller, value, from, { keys, otherKeys, aliases });
  const { activation } = feedForwardKind(parsed);
  if (!Object.hasOwn(activations, activation)) {
    throw new ConfigError({
      message: `${caller}: "feed_forward_proj": no activation "${activation}"; there are ${Object.keys(activations).join(", ")}, also behind "gated-"`,
    });
  }
  return {
    ...parsed,
    num_decoder_layers: parsed.num_decoder_layers ?? parsed.num_layers,
    scale_decoder_outputs: parsed.scale_decoder_outputs ?? parsed.tie_word_embeddings,
    decoder_start_token_id: parsed.decoder_start_token_id ?? parsed.pad_token_id,
  };
}
