import {
  applyLinear,
  crossEntropy,
  gelu,
  layerNorm,
  type Objective,
  type Parameters,
  type Random,
} from "@cambium/core";
import { type BertConfig, type ConfigInput, createModel, type LanguageModel, type TokenBatch } from "@cambium/models";
import {
  add,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  type Scalar,
  slice,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tanh,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";

/** A batch to pretrain on: the hidden pieces to guess, and what each row is made of. */
export interface PretrainingBatch extends TokenBatch {
  readonly positions: Tensor1D;
  /** Pieces at `positions`, int32 `[n]`. */
  readonly labels: Tensor1D;
  /** The share of each piece in a row, hidden ones included, `[batch, vocabulary]`; each row sums to 1. */
  readonly shares: Tensor2D;
}

/** A masked language model and the weights that pretraining moves beside it, the pooler's. */
export interface Seedling {
  readonly model: LanguageModel<BertConfig>;
  /** The model's parameters and the pooler's. */
  readonly parameters: Parameters;
}

/** A model with random weights, ready to be pretrained. */
export function createSeedling(config: ConfigInput, random: Random): Seedling {
  const model = createModel<BertConfig>(config, random, { head: { kind: "masked-lm" } });
  const { hidden_size: width, initializer_range: deviation } = model.config;
  const weight = "pooler.dense.weight";
  const pooler = new Map<string, Tensor>([
    [weight, random.at(weight).normal([width, width], 0, deviation)],
    ["pooler.dense.bias", zeros([width])],
  ]);
  return { model, parameters: new Map([...model.parameters, ...pooler]) };
}

/** Scores of all pieces from the pooled first position, by the head that guesses hidden pieces, `[batch, vocabulary]`. */
function pooledScores(model: LanguageModel<BertConfig>, parameters: Parameters, hidden: Tensor): Tensor2D {
  const [batch, , width] = hidden.shape as [number, number, number];
  const weights = (name: string): [Tensor, Tensor] => [
    parameters.get(`${name}.weight`)!,
    parameters.get(`${name}.bias`)!,
  ];
  const first = reshape(slice(hidden, [0, 0, 0], [batch, 1, width]), [batch, width]);
  const pooled = tanh(applyLinear(first, ...weights("pooler.dense")));
  const inner = gelu(applyLinear(pooled, ...weights("cls.predictions.transform.dense")), "none");
  const normed = layerNorm(inner, ...weights("cls.predictions.transform.LayerNorm"), model.config.layer_norm_eps);
  const pieces = parameters.get("embeddings.word_embeddings.weight")!;
  return applyLinear(normed, pieces, parameters.get("cls.predictions.bias")) as Tensor2D;
}

/**
 * The mean cross-entropy of the hidden pieces, plus that of all pieces of a row guessed from its pooled output, in nats.
 * The second teaches the pooled output what a text is about; telling whether two texts belong together, BERT's own
 * task for it, stays at chance with as little text as there is here.
 *
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805, section 3.1; Ma et al. 2024, arXiv:2401.11248 (bags of words).
 */
export function pretraining({ model, parameters }: Seedling): Objective<PretrainingBatch> {
  return {
    parameters,
    describe: () => ({ kind: "masked pieces and bags of words", config: { ...model.config } }),
    loss: (at, batch, context) =>
      tidy(() => {
        const { logits, hidden } = model.forward(batch, { parameters: at, ...context });
        const hiddenPieces = crossEntropy(logits!, batch.labels);
        const guesses = logSoftmax(pooledScores(model, at, hidden));
        return add<Scalar>(hiddenPieces, neg(mean(sum(mul(batch.shares, guesses), 1))));
      }),
  };
}
