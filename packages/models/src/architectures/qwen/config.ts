import { ConfigError } from "@cambium/base";
import * as z from "zod";
import { type DecoderConfig, type DecoderDefaults, parseDecoderConfig } from "../llama/decoder-config.ts";

/** Which rows those of a layer see: all before them, or the last of them. */
export type LayerType = "full_attention" | "sliding_attention";

/** What both families of Qwen have besides what they share with LLaMA. */
interface QwenConfig extends DecoderConfig {
  /** Whether some layers have a window. @default false */
  readonly use_sliding_window: boolean;
  /** How many rows each row sees in these layers, itself among them. @default 4096 */
  readonly sliding_window: number | null;
  /** Without `layer_types`: from this layer on, counted from 0, all have the window. @default 28 */
  readonly max_window_layers: number;
  /** Of each layer. @default by `use_sliding_window` and `max_window_layers` */
  readonly layer_types: readonly LayerType[];
}

/**
 * What makes a Qwen 2 or 2.5, under the names of transformers' `config.json`.
 *
 * Left out are `vocab_size` for 151936, `hidden_size` for 4096, `intermediate_size` for 22016, 32 layers, heads and heads of
 * keys, and 32768 positions. A config that was read from a file also keeps, untyped, every other key of that file.
 */
export interface Qwen2Config extends QwenConfig {
  readonly model_type: "qwen2";
}

/** What makes a Qwen 3: the same with its defaults, and `head_dim` for 128. */
export interface Qwen3Config extends QwenConfig {
  readonly model_type: "qwen3";
  /** Whether the four layers of attention have biases. @default false */
  readonly attention_bias: boolean;
}

const defaults: DecoderDefaults = {
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  max_position_embeddings: 32768,
};

const keys = {
  use_sliding_window: z.boolean().default(false),
  sliding_window: z.int().positive().nullable().default(4096),
  max_window_layers: z.int().min(0).default(28),
  layer_types: z.array(z.enum(["full_attention", "sliding_attention"])).exactOptional(),
  // Variants that would compute something else.
  mlp_bias: z.literal(false).exactOptional(),
  use_mrope: z.literal(false).exactOptional(),
};

/** What else stands in the configs of Qwen: of no effect here, kept and written back. */
const otherKeys = ["attn_implementation", "seq_length"];

/** See `Architecture.parse`. */
export function parseQwen2Config(caller: string, value: unknown, from: "user" | "file"): Qwen2Config {
  const own = { ...keys, attention_bias: z.literal(true).exactOptional() }; // to queries, keys and values: it always has them
  const config = parseDecoderConfig(caller, value, from, { type: "qwen2", defaults, keys: own, otherKeys });
  return { ...config, layer_types: layerTypes(caller, config) } as Qwen2Config;
}

/** See `Architecture.parse`. */
export function parseQwen3Config(caller: string, value: unknown, from: "user" | "file"): Qwen3Config {
  const own = { ...keys, attention_bias: z.boolean().default(false) };
  const sizes = { ...defaults, head_dim: 128 };
  const config = parseDecoderConfig(caller, value, from, { type: "qwen3", defaults: sizes, keys: own, otherKeys });
  return { ...config, layer_types: layerTypes(caller, config) } as Qwen3Config;
}

type Windows = Omit<QwenConfig, "layer_types"> & { readonly layer_types?: readonly LayerType[] };

/** The window of the layers that have one, if any may. */
const windowOf = (config: Pick<QwenConfig, "use_sliding_window" | "sliding_window">): number | undefined =>
  config.use_sliding_window ? (config.sliding_window ?? undefined) : undefined;

/** Types of all layers, as the file states them or as they follow from `max_window_layers`. */
function layerTypes(caller: string, config: Windows): readonly LayerType[] {
  const { num_hidden_layers: layers, max_window_layers: first, layer_types: types } = config;
  const window = windowOf(config);
  if (types === undefined) {
    const typeOf = (layer: number): LayerType =>
      window !== undefined && layer >= first ? "sliding_attention" : "full_attention";
    return Array.from({ length: layers }, (_, layer) => typeOf(layer));
  }
  if (types.length !== layers) {
    throw new ConfigError({
      message: `${caller}: "layer_types" must name ${layers} layers, as "num_hidden_layers" says, got ${types.length}`,
    });
  }
  if (window === undefined && types.includes("sliding_attention")) {
    throw new ConfigError({
      message: `${caller}: "layer_types" names sliding_attention, where "use_sliding_window" is ${config.use_sliding_window} and "sliding_window" ${config.sliding_window}; which one is it?`,
    });
  }
  return types;
}

/** The windows of a config's layers. */
export function windowsOf(config: Qwen2Config | Qwen3Config): readonly (number | undefined)[] {
  return config.layer_types.map((type) => (type === "sliding_attention" ? windowOf(config) : undefined));
}
