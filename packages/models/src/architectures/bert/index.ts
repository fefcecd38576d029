import type { Architecture } from "../../architecture.ts";
import { type BertConfig, maximumLength, parseBertConfig } from "./config.ts";
import { encode } from "./forward.ts";
import { bertHeads } from "./heads.ts";
import { bertLayout } from "./layout.ts";

export type { BertConfig } from "./config.ts";

/** Names that layer norms had in TensorFlow. */
const legacy = (name: string): string =>
  name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(/LayerNorm\.beta$/, "LayerNorm.bias");

const classNames = (prefix: string) => ({
  base: `${prefix}Model`,
  "sequence-classification": `${prefix}ForSequenceClassification`,
  regression: `${prefix}ForSequenceClassification`,
  "token-classification": `${prefix}ForTokenClassification`,
  "question-answering": `${prefix}ForQuestionAnswering`,
  "masked-lm": `${prefix}ForMaskedLM`,
});

/** What the two models share. */
const common = {
  parse: parseBertConfig,
  layout: bertLayout,
  maximumLength,
  forward: encode,
  heads: bertHeads,
  legacy,
  isBuffer: (name) => name === "embeddings.position_ids" || name === "embeddings.token_type_ids",
  floatKeys: ["initializer_range", "layer_norm_eps"],
  defaults: {
    lora: { targets: ["attn.q", "attn.v"] },
    // PEFT's name `output.dense` for the feed-forward output is also the end of `attention.output.dense`.
    ia3: { targets: ["attn.k", "attn.v", "attn.out", "ff.down"], feedForward: ["attn.out", "ff.down"] },
  },
} satisfies Partial<Architecture<BertConfig>>;

const tiny = (model_type: BertConfig["model_type"], dropout: number) => ({
  model_type,
  vocab_size: 23,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 20,
  type_vocab_size: 2,
  initializer_range: 0.4,
  hidden_dropout_prob: dropout,
  attention_probs_dropout_prob: dropout,
});

/** BERT (Devlin et al. 2018, arXiv:1810.04805). */
export const bert: Architecture<BertConfig> = {
  ...common,
  types: ["bert"],
  batch: "tokens+types",
  countsPadding: true,
  wrapper: { name: "bert", inNames: false },
  classNames: () => classNames("Bert"),
  tiny: (dropout) => tiny("bert", dropout),
};

/** What transformers' class names begin with. */
const robertaNames: Readonly<Record<string, string>> = {
  roberta: "Roberta",
  "xlm-roberta": "XLMRoberta",
  camembert: "Camembert",
};

/**
 * RoBERTa (Liu et al. 2019, arXiv:1907.11692): BERT with other positions and heads. XLM-RoBERTa (Conneau et al. 2019,
 * arXiv:1911.02116) and CamemBERT (Martin et al. 2019, arXiv:1911.03894) compute the same, and are saved under their own types.
 */
export const roberta: Architecture<BertConfig> = {
  ...common,
  types: Object.keys(robertaNames),
  batch: "tokens",
  padding: (config) => config.pad_token_id,
  defaults: { ...common.defaults, adaLora: { targets: ["all-linear"] } }, // as PEFT
  wrapper: { name: "roberta", inNames: false },
  classNames: ({ model_type }) => classNames(robertaNames[model_type]!),
  tiny: (dropout) => tiny("roberta", dropout),
};
