/** Heads of DistilBERT. Rows in front of the words (prompts) count as PEFT counts them, as in BERT's. */
import { type Scope, zeroStart } from "@cambium/core";
import { gather, relu, reshape, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import type { Architecture, Head, Hidden, TokenBatch } from "../../architecture.ts";
import { activations, drop, norm } from "../../blocks.ts";
import { type HeadConfig, outputsOf } from "../../head-config.ts";
import { crossEntropyLoss, squaredErrorLoss } from "../../heads/losses.ts";
import { firstRow, wordRows } from "../../heads/rows.ts";
import { linear, norm as normPiece, type Piece, parameter, site, tied } from "../../layout.ts";
import { type DistilBertConfig, EPSILON } from "./config.ts";
import { startOf, WORDS } from "./layout.ts";

/** From the first row, by a hidden layer. */
const ofSequence = {
  layout(config: DistilBertConfig, head: HeadConfig): readonly Piece[] {
    const { dim: dModel } = config;
    const start = startOf(config);
    return [
      linear("pre_classifier", "head", { input: dModel, output: dModel, start }),
      linear("classifier", "head", { input: dModel, output: outputsOf(head), start }),
      site("logits", "logits", "logits", outputsOf(head)),
    ];
  },
  forward(scope: Scope, config: DistilBertConfig, { hidden }: Hidden): Tensor {
    const inner = relu(scope.linear("pre_classifier", firstRow(hidden)));
    return scope.linear("classifier", drop(scope.at("classifier"), inner, config.seq_classif_dropout));
  },
};

const ofTokens: Head<DistilBertConfig> = {
  layout: (config, head) => [
    linear("classifier", "head", { input: config.dim, output: outputsOf(head), start: startOf(config) }),
    site("logits", "logits", "logits", outputsOf(head)),
  ],
  forward: (scope, config, hidden) =>
    scope.linear("classifier", drop(scope.at("classifier"), wordRows(hidden), config.dropout)),
  ...crossEntropyLoss,
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
  "sequence-classification": { ...ofSequence, ...crossEntropyLoss },
  regression: { ...ofSequence, ...squaredErrorLoss },
  "token-classification": ofTokens,
  "masked-lm": maskedWords,
};
