import { ConfigError } from "@cambium/base";
import * as z from "zod";
import type { ModelConfig } from "../../architecture.ts";
import { activationNames, type HiddenActivation } from "../../blocks.ts";
import { parseModelConfig } from "../../config.ts";
import { parseRope, type RopeParameters } from "./rope-config.ts";

/**
 * What makes a LLaMA, under the names of transformers' `config.json`.
 *
 * A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface LlamaConfig extends ModelConfig {
  readonly model_type: "llama";
  /** dModel. @default 4096 */
  readonly hidden_size: number;
  /** dFf. @default 11008 */
  readonly intermediate_size: number;
  /** @default 32 */
  readonly num_hidden_layers: number;
  /** Heads of the queries. @default 32 */
  readonly num_attention_heads: number;
  /** Heads of keys and values, a divisor of `num_attention_heads`. @default num_attention_heads */
  readonly num_key_value_heads: number;
  /** dHead, even; `num_attention_heads · head_dim` need not be `hidden_size`. @default hidden_size / num_attention_heads */
  readonly head_dim: number;
  /** Positions that the model was trained for. @default 2048 */
  readonly max_position_embeddings: number;
  /** The rotary positions. Files may spell them `rope_theta` and `rope_scaling`. @default θ of 10000, unscaled */
  readonly rope_parameters: RopeParameters;
  /** @default "silu" */
  readonly hidden_act: HiddenActivation;
  /** ε of every RMS norm. @default 1e-6 */
  readonly rms_norm_eps: number;
  /** Whether the four layers of attention have biases. @default false */
  readonly attention_bias: boolean;
  /** Whether the three feed-forward layers have biases. @default false */
  readonly mlp_bias: boolean;
  /** Dropout rate of attention probabilities, while training. @default 0 */
  readonly attention_dropout: number;
  /** Standard deviation of random weights. @default 0.02 */
  readonly initializer_range: number;
  /** Whether the language model's head is the word embeddings. @default false */
  readonly tie_word_embeddings: boolean;
}

const size = z.int().positive();
const rope = z.record(z.string(), z.unknown()); // what it may hold depends on its type: `parseRope` checks it

const keys = {
  model_type: z.literal("llama"),
  vocab_size: size.default(32000),
  hidden_size: size.default(4096),
  intermediate_size: size.default(11008),
  num_hidden_layers: size.default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.exactOptional(),
  head_dim: size.exactOptional(),
  max_position_embeddings: size.default(2048),
  rope_parameters: rope.exactOptional(),
  rope_theta: z.number().positive().exactOptional(),
  rope_scaling: rope.exactOptional(),
  original_max_position_embeddings: size.exactOptional(),
  hidden_act: z.enum(activationNames).default("silu"),
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  attention_dropout: z.number().min(0).lt(1).default(0),
  initializer_range: z.number().positive().default(0.02),
  tie_word_embeddings: z.boolean().default(false),
  // Variants that would compute something else.
  partial_rotary_factor: z.literal(1).exactOptional(),
  rope_interleaved: z.literal(false).exactOptional(),
  pretraining_tp: z.literal(1).exactOptional(),
  sliding_window: z.null().exactOptional(),
  use_sliding_window: z.literal(false).exactOptional(),
  layer_types: z.array(z.literal("full_attention")).exactOptional(),
  add_cross_attention: z.literal(false).exactOptional(),
};

/** What else stands in the configs of LLaMA: of no effect here, kept and written back. */
const otherKeys = ["is_llama_config", "max_sequence_length", "max_window_layers", "transformers.js_config"];

/** See `Architecture.parse`. */
export function parseLlamaConfig(caller: string, value: unknown, from: "user" | "file"): LlamaConfig {
  const parsed = parseModelConfig(caller, value, from, { keys, otherKeys });
  const { hidden_size: dModel, num_attention_heads: heads } = parsed;
  const { num_key_value_heads: keyHeads = heads, head_dim: dHead = dModel / heads } = parsed;
  const wrong = (message: string): never => {
    throw new ConfigError({ message: `${caller}: ${message}` });
  };
  if (!Number.isInteger(dHead)) {
    wrong(`without head_dim, hidden_size must be a multiple of num_attention_heads, got ${dModel} and ${heads}`);
  }
  if (dHead % 2 !== 0) wrong(`head_dim must be even, because positions turn pairs of its columns, got ${dHead}`);
  if (heads % keyHeads !== 0) {
    wrong(`num_attention_heads must be a multiple of num_key_value_heads, got ${heads} and ${keyHeads}`);
  }
  return {
    ...parsed,
    num_key_value_heads: keyHeads,
    head_dim: dHead,
    rope_parameters: parseRope(caller, parsed),
  };
}
