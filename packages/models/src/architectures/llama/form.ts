/**
 * Families of LLaMA's form: the same blocks with other biases, norms and windows. A family says in a `DecoderForm` how it
 * differs, and gets everything of an `Architecture` but its config and its types from `decoderFamily`.
 */
import type { Architecture } from "../../architecture.ts";
import { causalHead } from "../../heads/causal-lm.ts";
import { lastTokenHeads } from "../../heads/last-token.ts";
import { classifierDropout, questionAnsweringHead, tokenClassificationHead } from "../../heads/tokens.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import { decode } from "./forward.ts";
import { decoderLayout, startOf, WORDS } from "./layout.ts";

/** What decoders of LLaMA's form may have. */
export interface DecoderForm {
  /** Linear layers with biases: to queries, keys and values; out of attention; those of the feed-forward part. @default none */
  readonly biases?: { readonly qkv: boolean; readonly out: boolean; readonly feedForward: boolean };
  /** Whether an RMS norm over each head's columns precedes the rotation of queries and keys. @default false */
  readonly headNorms?: boolean;
  /** Of each layer, how many rows a row sees, itself among them; `undefined` for all before it. @default all */
  readonly windows?: readonly (number | undefined)[];
}

/** What a family of LLaMA's form has without a word of its folder. */
export type DecoderFamily<Config extends DecoderConfig> = Omit<Architecture<Config>, "types" | "parse" | "tiny">;

const width = (config: DecoderConfig): number => config.hidden_size;

/**
 * All of an architecture that follows from its form.
 *
 * @param name - What transformers' class names begin with, such as `Llama`.
 * @param answers - What stands before the body's names in files of models that answer questions. Most families kept an old
 *   word there.
 */
export function decoderFamily<Config extends DecoderConfig>(
  name: string,
  formOf: (config: Config) => DecoderForm,
  answers: "transformer" | "model" = "transformer",
): DecoderFamily<Config> {
  return {
    layout: (config) => decoderLayout(config, formOf(config)),
    batch: "tokens",
    packs: true,
    maximumLength: (config) => config.max_position_embeddings,
    forward: (scope, config, batch) => decode(scope, config, formOf(config), batch),
    heads: {
      "causal-lm": causalHead({
        path: "lm_head",
        table: WORDS,
        width,
        start: startOf,
        isTied: (config) => config.tie_word_embeddings,
      }),
      ...lastTokenHeads({ path: "score", width, start: startOf }),
      "token-classification": tokenClassificationHead({
        path: "score",
        width,
        start: startOf,
        dropout: classifierDropout,
      }),
      "question-answering": questionAnsweringHead({ path: "qa_outputs", width, start: startOf }),
    },
    wrapper: { name: "model", inNames: true, under: { "question-answering": answers } },
    // Files of transformers' older versions hold the frequencies.
    isBuffer: (buffer) => /^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/.test(buffer),
    classNames: () => ({
      base: `${name}Model`,
      "causal-lm": `${name}ForCausalLM`,
      "sequence-classification": `${name}ForSequenceClassification`,
      regression: `${name}ForSequenceClassification`,
      "token-classification": `${name}ForTokenClassification`,
      "question-answering": `${name}ForQuestionAnswering`,
    }),
    floatKeys: ["initializer_range", "rms_norm_eps", "rope_theta", "factor", "low_freq_factor", "high_freq_factor"],
    defaults: {
      lora: { targets: ["attn.q", "attn.v"] },
      dora: { targets: ["attn.q", "attn.v"] },
      vera: { targets: ["attn.q", "attn.v"] },
      adaLora: { targets: ["attn.q", "attn.v"] },
      ia3: { targets: ["attn.k", "attn.v", "ff.down"], feedForward: ["ff.down"] },
    },
  };
}
