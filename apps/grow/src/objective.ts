import { applyLinear, crossEntropy, type Objective, type Parameters, type Random } from "@cambium/core";
import {
  createModel,
  type EncoderBatch,
  type EncoderConfig,
  type EncoderModel,
  type EncoderSizes,
} from "@cambium/models";
import { add, reshape, type Scalar, slice, type Tensor, type Tensor1D, tanh, tidy, zeros } from "@tensorflow/tfjs-core";

/** A batch to pretrain on: the hidden pieces to guess, and whether second texts follow the first. */
export interface PretrainingBatch extends EncoderBatch {
  readonly positions: Tensor1D;
  /** Pieces at `positions`, int32 `[n]`. */
  readonly labels: Tensor1D;
  /** 0, 1, or -100 where a row is a single text, int32 `[batch]`. */
  readonly order: Tensor1D;
}

/** A masked language model and the weights that pretraining moves beside it: the pooler and the head on order. */
export interface Seedling {
  readonly model: EncoderModel;
  /** The model's parameters and those two. */
  readonly parameters: Parameters;
}

/** A model with random weights, ready to be pretrained. */
export function createSeedling(config: EncoderSizes & Partial<EncoderConfig>, random: Random): Seedling {
  const model = createModel(config, random, { head: { kind: "masked-lm" } });
  const { hidden_size: width, initializer_range: deviation } = model.config;
  const matrix = (name: string, rows: number): [string, Tensor] => [
    name,
    random.at(name).normal([rows, width], 0, deviation),
  ];
  const beside = new Map<string, Tensor>([
    matrix("pooler.dense.weight", width),
    ["pooler.dense.bias", zeros([width])],
    matrix("cls.seq_relationship.weight", 2),
    ["cls.seq_relationship.bias", zeros([2])],
  ]);
  return { model, parameters: new Map([...model.parameters, ...beside]) };
}

/** Scores of "follows" and "from elsewhere" from the first row, through the pooler, `[batch, 2]`. */
function orderScores(parameters: Parameters, hidden: Tensor): Tensor {
  const [batch, , width] = hidden.shape as [number, number, number];
  const first = reshape(slice(hidden, [0, 0, 0], [batch, 1, width]), [batch, width]);
  const pooled = tanh(applyLinear(first, parameters.get("pooler.dense.weight")!, parameters.get("pooler.dense.bias")));
  return applyLinear(
    pooled,
    parameters.get("cls.seq_relationship.weight")!,
    parameters.get("cls.seq_relationship.bias"),
  );
}

/**
 * BERT's pretraining: the mean cross-entropy of the hidden pieces plus that of the order of two texts, in nats.
 *
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805, section 3.1.
 */
export function pretraining({ model, parameters }: Seedling): Objective<PretrainingBatch> {
  return {
    parameters,
    loss: (at, batch, context) =>
      tidy(() => {
        const { logits, hidden } = model.forward(batch, { parameters: at, ...context });
        const words = crossEntropy(logits!, batch.labels);
        return add<Scalar>(words, crossEntropy(orderScores(at, hidden), batch.order));
      }),
  };
}
