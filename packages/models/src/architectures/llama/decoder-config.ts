/** The keys that decoders of LLaMA's form share. Each family states its defaults, and what it has besides. */
import { ConfigError } from "@cambium/base";
import * as z from "zod";
import type { ModelConfig } from "../../architecture.ts";
import { activationNames, type HiddenActivation } from "../../blocks.ts";
import { parseModelConfig } from "../../config.ts";
import { parseRope, type RopeParameters } from "./rope-config.ts";

/** What decoders of LLaMA's form are computed from, under the names of transformers' `config.json`. */
export interface DecoderConfig extends ModelConfig {
  /** dModel. */
  readonly hidden_size: number;
  /** dFf. */
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  /** Heads of the queries. */
  readonly num_attention_heads: number;
  /** Heads of keys and values, a divisor of `num_attention_heads`. */
  readonly num_key_value_heads: number;
  /** dHead, even; `num_attention_heads · head_dim` need not be `hidden_size`. */
  readonly head_dim: number;
  /** Positions that the model was trained for. */
  readonly max_position_embeddings: number;
  /** The rotary positions. Files may spell them `rope_theta` and `rope_scaling`. @default θ of 10000, unscaled */
  readonly rope_parameters: RopeParameters;
  /** @default "silu" */
  readonly hidden_act: HiddenActivation;
  /** ε of every RMS norm. @default 1e-6 */
  readonly rms_norm_eps: number;
  /** Dropout rate of attention probabilities, while training. @default 0 */
  readonly attention_dropout: number;
  /** Dropout rate before a classifier of tokens, while training. @default 0.1 */
  readonly classifier_dropout?: number;
  /** Standard deviation of random weights. @default 0.02 */
  readonly initializer_range: number;
  /** Whether the language model's head is the word embeddings. @default false */
  readonly tie_word_embeddings: boolean;
}

/** What a family has for the sizes that a config leaves out. */
export interface DecoderDefaults {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** @default num_attention_heads */
  readonly num_key_value_heads?: number;
  /** @default hidden_size / num_attention_heads */
  readonly head_dim?: number;
  readonly max_position_embeddings: number;
}

/** A family's part of its configs. */
export interface DecoderKeys<Shape extends z.ZodRawShape> {
  /** Its `model_type`. */
  readonly type: string;
  readonly defaults: DecoderDefaults;
  /** Its further keys, and variants that would compute something else. */
  readonly keys: Shape;
  /** More that stand in such files and change nothing. @default none */
  readonly otherKeys?: readonly string[];
}

const size = z.int().positive();
const rope = z.record(z.string(), z.unknown()); // what it may hold depends on its type: `parseRope` checks it

const sizesOf = (defaults: DecoderDefaults) => ({
  vocab_size: size.default(defaults.vocab_size),
  hidden_size: size.default(defaults.hidden_size),
  intermediate_size: size.default(defaults.intermediate_size),
  num_hidden_layers: size.default(defaults.num_hidden_layers),
  num_attention_heads: size.default(defaults.num_attention_heads),
  // None in a file follows from other keys, where an absent key may have a number as its default.
  num_key_value_heads: size.nullable().default(defaults.num_key_value_heads ?? null),
  head_dim: size.nullable().default(defaults.head_dim ?? null),
  max_position_embeddings: size.default(defaults.max_position_embeddings),
});

const shared = {
  rope_parameters: rope.exactOptional(),
  rope_theta: z.number().positive().exactOptional(),
  rope_scaling: rope.exactOptional(),
  original_max_position_embeddings: size.exactOptional(),
  hidden_act: z.enum(activationNames).default("silu"),
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_dropout: z.number().min(0).lt(1).default(0),
  classifier_dropout: z.number().min(0).lt(1).exactOptional(),
  initializer_range: z.number().positive().default(0.02),
  tie_word_embeddings: z.boolean().default(false),
  // Variants that would compute something else.
  partial_rotary_factor: z.literal(1).exactOptional(),
  rope_interleaved: z.literal(false).exactOptional(),
  add_cross_attention: z.literal(false).exactOptional(),
  is_causal: z.literal(true).exactOptional(),
};

/**
 * A whole config of such a family; see `Architecture.parse`.
 *
 * @throws {ConfigError} As `parseModelConfig`, for sizes that do not fit together, and for rotary positions of another kind.
 */
export function parseDecoderConfig<Shape extends z.ZodRawShape>(
  caller: string,
  value: unknown,
  from: "user" | "file",
  { type, defaults, keys: own, otherKeys = [] }: DecoderKeys<Shape>,
): DecoderConfig & z.output<z.ZodObject<Shape, z.core.$strict>> {
  const keys = { model_type: z.literal(type), ...sizesOf(defaults), ...shared, ...own };
  const parsed = parseModelConfig(caller, value, from, { keys, otherKeys }) as unknown as Parsed &
    z.output<z.ZodObject<Shape, z.core.$strict>>;
  const { hidden_size: dModel, num_attention_heads: heads } = parsed;
  const keyHeads = parsed.num_key_value_heads ?? heads;
  const dHead = parsed.head_dim ?? dModel / heads;
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
  } as unknown as DecoderConfig & z.output<z.ZodObject<Shape, z.core.$strict>>;
}

/** Before what follows from other keys is filled in. */
type Parsed = z.output<z.ZodObject<ReturnType<typeof sizesOf> & typeof shared>> & { readonly model_type: string };
