import * as z from "zod";
import { type DecoderConfig, parseDecoderConfig } from "./decoder-config.ts";

/**
 * What makes a LLaMA, under the names of transformers' `config.json`.
 *
 * Left out are `vocab_size` for 32000, `hidden_size` for 4096, `intermediate_size` for 11008, 32 layers and heads, as many
 * heads of keys, and 2048 positions. A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface LlamaConfig extends DecoderConfig {
  readonly model_type: "llama";
  /** Whether the four layers of attention have biases. @default false */
  readonly attention_bias: boolean;
  /** Whether the three feed-forward layers have biases. @default false */
  readonly mlp_bias: boolean;
}

const defaults = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  max_position_embeddings: 2048,
};

const keys = {
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  // Variants that would compute something else.
  pretraining_tp: z.literal(1).exactOptional(),
  sliding_window: z.null().exactOptional(),
  use_sliding_window: z.literal(false).exactOptional(),
  layer_types: z.array(z.literal("full_attention")).exactOptional(),
};

/** What else stands in the configs of LLaMA: of no effect here, kept and written back. */
const otherKeys = ["is_llama_config", "max_sequence_length", "max_window_layers", "transformers.js_config"];

/** See `Architecture.parse`. */
export function parseLlamaConfig(caller: string, value: unknown, from: "user" | "file"): LlamaConfig {
  return parseDecoderConfig(caller, value, from, { type: "llama", defaults, keys, otherKeys }) as LlamaConfig;
}
