import type { Architecture } from "../../architecture.ts";
import { type DistilBertConfig, parseDistilBertConfig } from "./config.ts";
import { encode } from "./forward.ts";
import { distilBertHeads } from "./heads.ts";
import { distilBertLayout } from "./layout.ts";

export type { DistilBertConfig } from "./config.ts";

/** DistilBERT (Sanh et al. 2019, arXiv:1910.01108). */
export const distilbert: Architecture<DistilBertConfig> = {
  types: ["distilbert"],
  parse: parseDistilBertConfig,
  layout: distilBertLayout,
  batch: "tokens",
  countsPadding: true,
  maximumLength: (config) => config.max_position_embeddings,
  forward: encode,
  heads: distilBertHeads,
  wrapper: { name: "distilbert", inNames: false },
  isBuffer: (name) => name === "embeddings.position_ids",
  classNames: () => ({
    base: "DistilBertModel",
    "sequence-classification": "DistilBertForSequenceClassification",
    regression: "DistilBertForSequenceClassification",
    "token-classification": "DistilBertForTokenClassification",
    "question-answering": "DistilBertForQuestionAnswering",
    "masked-lm": "DistilBertForMaskedLM",
  }),
  floatKeys: ["initializer_range"],
  defaults: {
    lora: { targets: ["attn.q", "attn.v"] },
    ia3: { targets: ["attn.k", "attn.v", "ff.down"], feedForward: ["ff.down"] },
  },
  tiny: (dropout) => ({
    model_type: "distilbert",
    vocab_size: 23,
    dim: 8,
    n_layers: 2,
    n_heads: 2,
    hidden_dim: 12,
    max_position_embeddings: 20,
    initializer_range: 0.4,
    dropout,
    attention_dropout: dropout,
    seq_classif_dropout: dropout,
    qa_dropout: dropout,
  }),
};
