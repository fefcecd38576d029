import type { GgufFormat } from "../../gguf/format.ts";
import { decoderNames, decoderPairs, readDecoder, writeDecoder } from "../llama/decoder-gguf.ts";
import type { MistralConfig } from "./config.ts";

const WINDOW = "attention.sliding_window";

/** Mistral in GGUF files: they call it a `llama`, and one without a window is one. */
export const mistralGguf: GgufFormat<MistralConfig> = {
  architecture: "llama",
  isMeant: (metadata) => metadata.has(`llama.${WINDOW}`),
  readConfig: (fields) => ({
    model_type: "mistral",
    ...readDecoder(fields),
    sliding_window: fields.number(WINDOW) === 0 ? null : (fields.count(WINDOW) ?? null),
  }),
  writeConfig(config) {
    const { entries, ...more } = writeDecoder(config);
    const { sliding_window: window } = config;
    return { ...more, entries: window === null ? entries : [...entries, [WINDOW, "UINT32", window]] };
  },
  names: decoderNames,
  pairedHeads: decoderPairs,
};
