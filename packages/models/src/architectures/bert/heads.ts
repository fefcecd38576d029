/**
 * Heads of BERT and RoBERTa, where they differ most: BERT classifies from the pooler's output (unless `pool` asks for other
 * rows, which go to the classifier as they are), RoBERTa has a hidden layer for it; and their masked-LM heads have other names.
 *
 * Rows in front of the words (prompts) count as PEFT counts them: a head on whole sequences reads row 0, whatever it is;
 * a head on tokens leaves those rows out.
 */
import { gelu, type Scope, zeroStart } from "@cambium/core";
import { gather, reshape, type Tensor, type Tensor2D, type Tensor3D, tanh } from "@tensorflow/tfjs-core";
import type { Architecture, Head, Hidden, TokenBatch } from "../../architecture.ts";
import { activations, drop, norm } from "../../blocks.ts";
import { type HeadConfig, outputsOf, poolOf } from "../../head-config.ts";
import { classificationLoss, crossEntropyLoss, squaredErrorLoss } from "../../heads/losses.ts";
import { pooledRow, wordRows } from "../../heads/rows.ts";
import { questionAnsweringHead, type TokenHead, tokenClassificationHead } from "../../heads/tokens.ts";
import { linear, norm as normPiece, type Piece, parameter, site, tied } from "../../layout.ts";
import type { BertConfig } from "./config.ts";
import { startOf } from "./layout.ts";

const WORDS = "embeddings.word_embeddings.weight";

const dropoutRate = (config: BertConfig): number => config.classifier_dropout ?? config.hidden_dropout_prob;

const ofSequence = {
  pools: ["first", "last", "mean"],
  layout(config: BertConfig, head: HeadConfig): readonly Piece[] {
    const { hidden_size: dModel } = config;
    const start = startOf(config);
    const output = outputsOf(head);
    return [
      ...(config.model_type === "bert"
        ? [linear("classifier", "head", { input: dModel, output, start })]
        : [
            linear("classifier.dense", "head", { input: dModel, output: dModel, start }),
            linear("classifier.out_proj", "head", { input: dModel, output, start }),
          ]),
      site("logits", "logits", "logits", output),
    ];
  },
  forward(scope: Scope, config: BertConfig, hidden: Hidden, _batch: TokenBatch, head: HeadConfig): Tensor {
    const here = scope.at("classifier");
    const pool = poolOf(head);
    const row =
      pool === undefined && config.model_type === "bert" ? hidden.pooled! : pooledRow(hidden, pool ?? "first");
    return config.model_type === "bert"
      ? scope.linear("classifier", drop(here, row, dropoutRate(config)))
      : classifyDeeper(here, row, dropoutRate(config));
  },
} satisfies Partial<Head<BertConfig>>;

/** RoBERTa's classifier, with a hidden layer. `x` is `[batch, dModel]`. */
function classifyDeeper(scope: Scope, x: Tensor2D, rate: number): Tensor {
  const inner = tanh(scope.linear("dense", drop(scope, x, rate, "outer dropout")));
  return scope.linear("out_proj", drop(scope, inner, rate, "inner dropout"));
}

const ofTokens: TokenHead<BertConfig> = { path: "classifier", width: ({ hidden_size }) => hidden_size, start: startOf };

/** Where the two models keep their masked-LM heads. */
const maskedPaths = (config: BertConfig) =>
  config.model_type === "bert"
    ? ({ path: "cls.predictions", transform: "cls.predictions.transform", norm: "LayerNorm" } as const)
    : ({ path: "lm_head", transform: "lm_head", norm: "layer_norm" } as const);

const maskedWords: Head<BertConfig> = {
  layout(config) {
    const { hidden_size: dModel, vocab_size: vocab } = config;
    const { path, transform, norm: normName } = maskedPaths(config);
    return [
      linear(`${transform}.dense`, "head", { input: dModel, output: dModel, start: startOf(config) }),
      normPiece(`${transform}.${normName}`, "head", dModel),
      site("linear", `${path}.decoder`, "head", vocab, {
        input: dModel,
        weight: { name: WORDS, layout: "out,in" },
        bias: `${path}.bias`,
      }),
      parameter(`${path}.bias`, [vocab], zeroStart),
      tied(`${path}.decoder.weight`, WORDS, [vocab, dModel]),
      tied(`${path}.decoder.bias`, `${path}.bias`, [vocab]),
      site("logits", "logits", "logits", vocab),
    ];
  },
  forward(scope, config, hidden, { positions }: TokenBatch) {
    const isBert = config.model_type === "bert";
    const { path, transform, norm: normName } = maskedPaths(config);
    const inner = scope.at(transform);
    const activate = isBert ? activations[config.hidden_act] : (x: Tensor): Tensor => gelu(x, "none");
    const dModel = config.hidden_size;
    const words = wordRows(hidden);
    const rows =
      positions === undefined
        ? words
        : (reshape(gather(reshape(words, [-1, dModel]), positions), [1, -1, dModel]) as Tensor3D);
    const activated = activate(inner.linear("dense", rows)) as Tensor3D;
    const scores = scope.linear(`${path}.decoder`, norm(inner, normName, activated, config.layer_norm_eps));
    return positions === undefined ? scores : reshape(scores, [-1, config.vocab_size]);
  },
  ...crossEntropyLoss,
};

/** Every head that BERT and RoBERTa have. */
export const bertHeads: Architecture<BertConfig>["heads"] = {
  "sequence-classification": { ...ofSequence, ...classificationLoss },
  regression: { ...ofSequence, ...squaredErrorLoss },
  "token-classification": tokenClassificationHead({ ...ofTokens, dropout: dropoutRate }),
  "question-answering": questionAnsweringHead({ ...ofTokens, path: "qa_outputs" }),
  "masked-lm": maskedWords,
};
