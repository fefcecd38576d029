import { ConfigError } from "@cambium/base";
import type { GgufFormat } from "../../gguf/format.ts";
import { decoderNames, readDecoder, writeDecoder } from "../llama/decoder-gguf.ts";
import { type Qwen2Config, type Qwen3Config, windowsOf } from "./config.ts";

/** Throws for a config with a window: such files cannot say which layers have it. */
function checkWindows(config: Qwen2Config | Qwen3Config): void {
  if (windowsOf(config).every((window) => window === undefined)) return;
  throw new ConfigError({
    message: `saveGguf: "layer_types" has layers of sliding_attention, which GGUF files of ${config.model_type} cannot say`,
  });
}

/** Qwen 2 in GGUF files, whose rows stand as they do here. */
export const qwen2Gguf: GgufFormat<Qwen2Config> = {
  architecture: "qwen2",
  readConfig: (fields) => ({ model_type: "qwen2", ...readDecoder(fields) }),
  writeConfig(config) {
    checkWindows(config);
    return writeDecoder(config);
  },
  names: decoderNames,
};

/** Qwen 3 in GGUF files. */
export const qwen3Gguf: GgufFormat<Qwen3Config> = {
  architecture: "qwen3",
  readConfig: (fields) => ({
    model_type: "qwen3",
    ...readDecoder(fields),
    attention_bias: fields.shape("blk.0.attn_q.bias") !== undefined,
  }),
  writeConfig(config) {
    checkWindows(config);
    if (!config.attention_bias) return writeDecoder(config);
    throw new ConfigError({
      message: 'saveGguf: "attention_bias" is true, and GGUF files of qwen3 have no biases of attention',
      attention_bias: true,
    });
  },
  names: {
    ...decoderNames,
    "blk.#.attn_q_norm": "model.layers.#.self_attn.q_norm",
    "blk.#.attn_k_norm": "model.layers.#.self_attn.k_norm",
  },
};
