/**
 * What stands on top of the encoder, and the losses. BERT and RoBERTa differ most here: BERT classifies from the
 * pooler's output, RoBERTa has a hidden layer of its own; and their masked-LM heads have other names.
 *
 * Rows in front of the words (prompts) count as PEFT counts them: a head on whole sequences reads row 0, whatever it is;
 * a head on tokens leaves those rows out.
 */
import { ShapeError } from "@cambium/base";
import { applyLinear, crossEntropy, gelu, type Scope } from "@cambium/core";
import {
  gather,
  mean,
  reshape,
  type Scalar,
  slice,
  square,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tanh,
} from "@tensorflow/tfjs-core";
import type { Encoded } from "./bert.ts";
import type { EncoderConfig } from "./config.ts";
import type { HeadConfig } from "./head-config.ts";
import { activations, drop, norm } from "./layers.ts";

/** What a loss compares with, beside the encoder's own input. */
export interface Targets {
  /**
   * Sequence classification: int32 `[batch]`, index of the label. Regression: float32 `[batch]`. Token classification:
   * int32 `[batch, seq]`. Masked words: int32 `[batch, seq]`, or `[n]` beside `positions`. −100 is ignored.
   */
  readonly labels?: Tensor;
  /** Where the masked-LM head is evaluated, int32 `[n]`, as row · seq + column. @default everywhere */
  readonly positions?: Tensor1D;
}

/** The first row through BERT's pooler, `[batch, dModel]`. */
export function pool(scope: Scope, hidden: Tensor3D): Tensor2D {
  return tanh(scope.linear("pooler.dense", firstRow(hidden))) as Tensor2D;
}

/**
 * Scores of a head.
 *
 * @returns `[batch, labels]` for sequences (`[batch, 1]` for regression), `[batch, seq, labels]` for tokens,
 *   `[batch, seq, vocab]` or `[n, vocab]` for masked words.
 */
export function applyHead(
  scope: Scope,
  config: EncoderConfig,
  head: HeadConfig,
  encoded: Encoded & { readonly pooled?: Tensor2D },
  positions?: Tensor1D,
): Tensor {
  const scores = headScores(scope, config, head, encoded, positions);
  return scope.call("logits", "logits", scores, (input) => input);
}

function headScores(
  scope: Scope,
  config: EncoderConfig,
  head: HeadConfig,
  encoded: Encoded & { readonly pooled?: Tensor2D },
  positions?: Tensor1D,
): Tensor {
  const rate = config.classifier_dropout ?? config.hidden_dropout_prob;
  switch (head.kind) {
    case "masked-lm":
      return maskedWords(scope, config, wordRows(encoded), positions);
    case "token-classification":
      return scope.linear("classifier", drop(scope.at("classifier"), wordRows(encoded), rate));
    default:
      return config.model_type === "bert"
        ? scope.linear("classifier", drop(scope.at("classifier"), encoded.pooled!, rate))
        : classifyDeeper(scope.at("classifier"), firstRow(encoded.hidden), rate);
  }
}

/** RoBERTa's classifier, with a hidden layer. `x` is `[batch, dModel]`. */
function classifyDeeper(scope: Scope, x: Tensor2D, rate: number): Tensor {
  const inner = tanh(scope.linear("dense", drop(scope, x, rate, "outer dropout")));
  return scope.linear("out_proj", drop(scope, inner, rate, "inner dropout"));
}

/** Scores of every word of the vocabulary, by the word embeddings. `x` is `[batch, seq, dModel]`. */
function maskedWords(scope: Scope, config: EncoderConfig, x: Tensor3D, positions?: Tensor1D): Tensor {
  const isBert = config.model_type === "bert";
  const at = scope.at(isBert ? "cls.predictions" : "lm_head");
  const transform = isBert ? at.at("transform") : at;
  const activate = isBert ? activations[config.hidden_act] : (inner: Tensor): Tensor => gelu(inner, "none");

  const dModel = config.hidden_size;
  const rows =
    positions === undefined ? x : (reshape(gather(reshape(x, [-1, dModel]), positions), [1, -1, dModel]) as Tensor3D);
  const inner = activate(transform.linear("dense", rows)) as Tensor3D;
  const normed = norm(transform, isBert ? "LayerNorm" : "layer_norm", inner, config.layer_norm_eps);
  const scores = at.call("linear", "decoder", normed, (input) =>
    applyLinear(input, scope.parameter("embeddings.word_embeddings.weight"), at.parameter("bias")),
  );
  return positions === undefined ? scores : reshape(scores, [-1, config.vocab_size]);
}

/** `[batch, seq, dModel]` to `[batch, dModel]`. */
function firstRow(hidden: Tensor3D): Tensor2D {
  const [batch, , dModel] = hidden.shape;
  return reshape(slice(hidden, [0, 0, 0], [batch, 1, dModel]), [batch, dModel]) as Tensor2D;
}

/** The hidden states of words only. */
function wordRows({ hidden, extra }: Encoded): Tensor3D {
  return extra === 0 ? hidden : slice(hidden, [0, extra, 0], [-1, -1, -1]);
}

/**
 * The head's loss: mean cross-entropy in nats over the labels that are not ignored, or the mean squared error.
 *
 * @throws {ShapeError} The batch has no labels, or they do not fit the scores.
 */
export function headLoss(head: HeadConfig, logits: Tensor, { labels }: Targets): Scalar {
  if (labels === undefined) {
    throw new ShapeError({
      message: `loss: a ${head.kind} head needs labels, the batch has none; collate rows that have them`,
    });
  }
  if (head.kind !== "regression") return crossEntropy(logits, labels);
  if (labels.dtype !== "float32" || labels.rank !== 1 || labels.shape[0] !== logits.shape[0]) {
    throw new ShapeError({
      message: `loss: regression needs float32 labels of shape [${logits.shape[0]}], got ${labels.dtype} [${labels.shape}]`,
    });
  }
  return mean(square(sub(reshape(logits, [-1]), labels)));
}
