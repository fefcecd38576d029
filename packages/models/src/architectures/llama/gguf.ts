import type { GgufFormat } from "../../gguf/format.ts";
import type { LlamaConfig } from "./config.ts";
import { decoderNames, decoderPairs, readDecoder, writeDecoder } from "./decoder-gguf.ts";

/** LLaMA in GGUF files. */
export const llamaGguf: GgufFormat<LlamaConfig> = {
  architecture: "llama",
  readConfig: (fields) => ({
    model_type: "llama",
    ...readDecoder(fields),
    attention_bias: fields.shape("blk.0.attn_q.bias") !== undefined,
    mlp_bias: fields.shape("blk.0.ffn_up.bias") !== undefined,
  }),
  writeConfig: writeDecoder,
  names: decoderNames,
  pairedHeads: decoderPairs,
};
