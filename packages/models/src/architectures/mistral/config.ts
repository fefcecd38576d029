import { ConfigError } from "@cambium/base";
import * as z from "zod";
import { type DecoderConfig, parseDecoderConfig } from "../llama/decoder-config.ts";

/**
 * What makes a Mistral, under the names of transformers' `config.json`.
 *
 * Left out are `vocab_size` for 32000, `hidden_size` for 4096, `intermediate_size` for 14336, 32 layers and heads, 8 heads of
 * keys, and 131072 positions. A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface MistralConfig extends DecoderConfig {
  readonly model_type: "mistral";
  /** How many rows each row sees, itself among them; null for all, as from version 0.2 on. @default 4096 */
  readonly sliding_window: number | null;
}

const defaults = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
};

const keys = {
  sliding_window: z.int().positive().nullable().default(4096),
  // Variants that would compute something else.
  use_sliding_window: z.boolean().exactOptional(),
  layer_types: z.array(z.enum(["full_attention", "sliding_attention"])).exactOptional(),
  attention_bias: z.literal(false).exactOptional(),
  mlp_bias: z.literal(false).exactOptional(),
};

/** See `Architecture.parse`. */
export function parseMistralConfig(caller: string, value: unknown, from: "user" | "file"): MistralConfig {
  const config = parseDecoderConfig(caller, value, from, { type: "mistral", defaults, keys });
  const { sliding_window: window, use_sliding_window: isUsed, layer_types: types = [] } = config;
  const kind = window === null ? "full_attention" : "sliding_attention";
  const strange = types.find((type) => type !== kind);
  if (strange !== undefined || (isUsed !== undefined && isUsed !== (window !== null))) {
    const [key, said] = strange === undefined ? ["use_sliding_window", isUsed] : ["layer_types", strange];
    throw new ConfigError({
      message: `${caller}: "${key}" (${said}) and "sliding_window" (${window}) disagree; a mistral has one window in all of its layers, or null for none`,
      key,
    });
  }
  return config as MistralConfig;
}
