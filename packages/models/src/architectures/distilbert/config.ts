import { ConfigError } from "@cambium/base";
import * as z from "zod";
import type { ModelConfig } from "../../architecture.ts";
import { activationNames, type HiddenActivation } from "../../blocks.ts";
import { parseModelConfig } from "../../config.ts";

/**
 * What makes a DistilBERT, under the names of transformers' `config.json`.
 *
 * A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface DistilBertConfig extends ModelConfig {
  readonly model_type: "distilbert";
  /** dModel, a multiple of `n_heads`. @default 768 */
  readonly dim: number;
  /** @default 6 */
  readonly n_layers: number;
  /** @default 12 */
  readonly n_heads: number;
  /** dFf. @default 3072 */
  readonly hidden_dim: number;
  /** Rows of the position embeddings. @default 512 */
  readonly max_position_embeddings: number;
  /** Whether random position embeddings start as waves; files hold their values. @default false */
  readonly sinusoidal_pos_embds: boolean;
  /** @default "gelu" */
  readonly activation: HiddenActivation;
  /** Dropout rate of embeddings and feed-forward parts, while training. @default 0.1 */
  readonly dropout: number;
  /** Dropout rate of attention probabilities, while training. @default 0.1 */
  readonly attention_dropout: number;
  /** Dropout rate before a classifier of sequences, while training. @default 0.2 */
  readonly seq_classif_dropout: number;
  /** Dropout rate before the layer that finds answers, while training. @default 0.1 */
  readonly qa_dropout: number;
  /** Standard deviation of random weights. @default 0.02 */
  readonly initializer_range: number;
}

const size = z.int().positive();
const rate = z.number().min(0).lt(1);

const keys = {
  model_type: z.literal("distilbert"),
  vocab_size: size.default(30522),
  dim: size.default(768),
  n_layers: size.default(6),
  n_heads: size.default(12),
  hidden_dim: size.default(3072),
  max_position_embeddings: size.default(512),
  sinusoidal_pos_embds: z.boolean().default(false),
  activation: z.enum(activationNames).default("gelu"),
  dropout: rate.default(0.1),
  attention_dropout: rate.default(0.1),
  seq_classif_dropout: rate.default(0.2),
  qa_dropout: rate.default(0.1),
  initializer_range: z.number().positive().default(0.02),
  // Variants that would compute something else.
  is_decoder: z.literal(false).exactOptional(),
  is_causal: z.literal(false).exactOptional(),
  tie_word_embeddings: z.literal(true).exactOptional(),
};

/** What else stands in the configs of DistilBERT: of no effect here, kept and written back. */
const otherKeys = ["tie_weights_"];

/** Words that transformers' `DistilBertConfig` takes for these keys. */
const aliases = { hidden_size: "dim", num_attention_heads: "n_heads", num_hidden_layers: "n_layers" };

/** ε of every layer norm. */
export const EPSILON = 1e-12;

/** See `Architecture.parse`. */
export function parseDistilBertConfig(caller: string, value: unknown, from: "user" | "file"): DistilBertConfig {
  const config = parseModelConfig(caller, value, from, { keys, otherKeys, aliases });
  if (config.dim % config.n_heads !== 0) {
    throw new ConfigError({
      message: `${caller}: dim must be a multiple of n_heads, got ${config.dim} and ${config.n_heads}`,
    });
  }
  return config;
}
