import type { Architecture } from "../../architecture.ts";
import { parseT5Config, type T5Config } from "./config.ts";
import { transduce } from "./forward.ts";
import { targetWords } from "./head.ts";
import { t5Layout } from "./layout.ts";

export type { T5Config } from "./config.ts";

/** T5 1.0 and 1.1 (Raffel et al. 2020, arXiv:1910.10683). */
export const t5: Architecture<T5Config> = {
  types: ["t5"],
  parse: parseT5Config,
  layout: t5Layout,
  batch: "source+target",
  maximumLength: () => Number.POSITIVE_INFINITY,
  forward: transduce,
  heads: { "sequence-to-sequence": targetWords },
  // transformers 5 says that version 1.1 ties its head, and holds another one in the file.
  untie: { name: "lm_head.weight", config: (config) => ({ ...config, tie_word_embeddings: false }) },
  classNames: () => ({ base: "T5Model", "sequence-to-sequence": "T5ForConditionalGeneration" }),
  floatKeys: ["initializer_factor", "layer_norm_epsilon"],
  defaults: {
    lora: { targets: ["attn.q", "attn.v", "cross.q", "cross.v"] },
    dora: { targets: ["attn.q", "attn.v", "cross.q", "cross.v"] },
    vera: { targets: ["attn.q", "attn.v", "cross.q", "cross.v"] },
    adaLora: { targets: ["all-linear"] },
    vbLora: { targets: ["all-linear"] },
    ia3: { targets: ["attn.k", "attn.v", "cross.k", "cross.v", "ff.down"], feedForward: ["ff.down"] },
  },
  tiny: (dropout) => ({
    model_type: "t5",
    vocab_size: 23,
    d_model: 8,
    d_kv: 3,
    d_ff: 12,
    num_layers: 2,
    num_decoder_layers: 2,
    num_heads: 2,
    relative_attention_num_buckets: 6,
    relative_attention_max_distance: 9,
    feed_forward_proj: "gated-gelu",
    tie_word_embeddings: false,
    dropout_rate: dropout,
  }),
};
