/** Heads of DistilBERT. Rows in front of the words (prompts) count as PEFT counts them, as in BERT's. */
import { type Scope, zeroStart } from "@cambium/core";
import { gather, relu, reshape, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import type { Architecture, Head, Hidden, TokenBatch } from "../../architecture.ts";
import { activations, drop, norm } from "../../blocks.ts";
import { type HeadConfig, outputsOf, poolOf } from "../../head-config.ts";
import { classificationLoss, crossEntropyLoss, squaredErrorLoss } from "../../heads/losses.ts";
import { pooledRow, wordRows } from "../../heads/rows.ts";
import { questionAnsweringHead, type TokenHead, tokenClassificationHead } from "../../heads/tokens.ts";
import { linear, norm as normPiece, type Piece, parameter, site, tied } from "../../layout.ts";
import { type DistilBertConfig, EPSILON } from "./config.ts";
import { startOf, WORDS } from "./layout.ts";

/** From the first row unless `pool` says otherwise, by a hidden layer. */
const ofSequence = {
  pools: ["first", "last", "mean"],
  layout(config: DistilBertConfig, head: HeadConfig): readonly Piece[] {
    const { dim: dModel } = config;
    const start = startOf(config);
    return [
      linear("pre_classifier", "head", { input: dModel, output: dModel, start }),
      linear("classifier", "head", { input: dModel, output: outputsOf(head), start }),
      site("logits", "logits", "logits", outputsOf(head)),
    ];
  },
  forward(scope: Scope, config: DistilBertConfig, hidden: Hidden, _batch: TokenBatch, head: HeadConfig): Tensor {
    const inner = relu(scope.linear("pre_classifier", pooledRow(hidden, poolOf(head) ?? "first")));
    return scope.linear("classifier", drop(scope.at("classifier"), inner, config.seq_classif_dropout));
  },
} satisfies Partial<Head<DistilBertConfig>>;

const ofTokens: TokenHead<DistilBertConfig> = {
  path: "classifier",
  width: ({ dim }) => dim,
  start: startOf,
  dropout: ({ dropout }) => dropout,
};

const maskedWords: Head<DistilBertConfig> = {
  layout(config) {
    const { dim: dModel, vocab_size: vocab } = config;
    return [
      linear("vocab_transform", "head", { input: dModel, output: dModel, start: startOf(config) }),
      normPiece("vocab_layer_norm", "head", dModel),
      site("linear", "vocab_projector", "head", vocab, {
        input: dModel,
        weight: { name: WORDS, layout: "out,in" },
        bias: "vocab_projector.bias",
      }),
      parameter("vocab_projector.bias", [vocab], zeroStart),
      tied("vocab_projector.weight", WORDS, [vocab, dModel]),
      site("logits", "logits", "logits", vocab),
    ];
  },
  forward(scope, config, hidden, { positions }: TokenBatch) {
    const words = wordRows(hidden);
    const rows =
      positions === undefined
        ? words
        : (reshape(gather(reshape(words, [-1, config.dim]), positions), [1, -1, config.dim]) as Tensor3D);
    const activated = activations[config.activation](scope.linear("vocab_transform", rows)) as Tensor3D;
    const scores = scope.linear("vocab_projector", norm(scope, "vocab_layer_norm", activated, EPSILON));
    return positions === undefined ? scores : reshape(scores, [-1, config.vocab_size]);
  },
  ...crossEntropyLoss,
};

/** Every head that DistilBERT has. */
export const distilBertHeads: Architecture<DistilBertConfig>["heads"] = {
  "sequence-classification": { ...ofSequence, ...classificationLoss },
  regression: { ...ofSequence, ...squaredErrorLoss },
  "token-classification": tokenClassificationHead(ofTokens),
  "question-answering": questionAnsweringHead({
    ...ofTokens,
    path: "qa_outputs",
    dropout: ({ qa_dropout }) => qa_dropout,
  }),
  "masked-lm": maskedWords,
};
