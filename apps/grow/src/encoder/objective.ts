import { applyLinear, crossEntropy, type Objective, type Parameters, type Random } from "@cambium/core";
import { type BertConfig, type ConfigInput, createModel, type LanguageModel, type TokenBatch } from "@cambium/models";
import {
  add,
  addN,
  div,
  mean,
  mul,
  reshape,
  type Scalar,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tanh,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";

/** A batch to pretrain on: the hidden pieces to guess, and what a teacher makes of the text with nothing hidden. */
export interface PretrainingBatch extends TokenBatch {
  readonly positions: Tensor1D;
  /** Pieces at `positions`, int32 `[n]`. */
  readonly labels: Tensor1D;
  /** Of each piece, with mean 0 and variance 1, `[batch, seq, width]`. */
  readonly taughtPieces: Tensor3D;
  /** Of each row, of length 1, `[batch, width]`. */
  readonly taughtRows: Tensor2D;
}

/** A masked language model and the weights that pretraining moves beside it, the pooler's and those towards the teacher. */
export interface Seedling {
  readonly model: LanguageModel<BertConfig>;
  /** The model's parameters, the pooler's and those towards the teacher. */
  readonly parameters: Parameters;
}

/** Weights that only pretraining needs begin with this. */
export const TOWARDS = "towards_teacher.";

const named = (parameters: Parameters, name: string): [Tensor, Tensor] => [
  parameters.get(`${name}.weight`)!,
  parameters.get(`${name}.bias`)!,
];

/** A layer's weights, drawn as the model's own. */
function layer(name: string, [out, input]: [number, number], deviation: number, random: Random): [string, Tensor][] {
  const weight = `${name}.weight`;
  return [
    [weight, random.at(weight).normal([out, input], 0, deviation)],
    [`${name}.bias`, zeros([out])],
  ];
}

/** A seedling with new weights towards a teacher. */
export function towardsTeacher({ model, parameters }: Seedling, width: number, random: Random): Seedling {
  const { hidden_size: own, initializer_range: deviation } = model.config;
  const layers = ["pieces", "rows"].flatMap((what) => layer(TOWARDS + what, [width, own], deviation, random));
  return { model, parameters: new Map([...parameters, ...layers]) };
}

/** A model with random weights, ready to be pretrained. */
export function createSeedling(config: ConfigInput, random: Random): Seedling {
  const model = createModel<BertConfig>(config, random, { head: { kind: "masked-lm" } });
  const { hidden_size: width, initializer_range: deviation } = model.config;
  const pooler = layer("pooler.dense", [width, width], deviation, random);
  return { model, parameters: new Map([...model.parameters, ...pooler]) };
}

/** What the parts of the loss count beside the nats of a hidden piece. */
const WEIGHTS = { pieces: 2, rows: 4 };

/** The pooled first position, `[batch, width]`: what classifiers read. */
function pooled(parameters: Parameters, hidden: Tensor): Tensor {
  const [batch, , width] = hidden.shape as [number, number, number];
  const first = reshape(slice(hidden, [0, 0, 0], [batch, 1, width]), [batch, width]);
  return tanh(applyLinear(first, ...named(parameters, "pooler.dense")));
}

/** The mean of 1 − cosine between rows and rows of length 1. */
function distance(rows: Tensor, unit: Tensor): Scalar {
  const length = sqrt(add(sum(square(rows), -1), 1e-9)); // whose gradient is finite at 0
  const cosines = div(sum(mul(rows, unit), -1), length);
  return sub<Scalar>(scalar(1), mean(cosines));
}

/**
 * The mean cross-entropy of the hidden pieces in nats, plus what a teacher makes of the same text with nothing hidden: its
 * representation of every piece from the last layer, and its vector of the row from the pooled output.
 *
 * @see Devlin et al. 2018, BERT, arXiv:1810.04805, section 3.1; Sanh et al. 2019, DistilBERT, arXiv:1910.01108; Baevski et al. 2022,
 *   data2vec, arXiv:2202.03555 (representations of hidden parts).
 */
export function pretraining({ model, parameters }: Seedling): Objective<PretrainingBatch> {
  return {
    parameters,
    describe: () => ({
      kind: "masked pieces and a teacher",
      weights: WEIGHTS,
      config: { ...model.config },
    }),
    loss: (at, { taughtPieces, taughtRows, ...batch }, context) =>
      tidy(() => {
        const { logits, hidden } = model.forward(batch, { parameters: at, ...context });
        const guessed = crossEntropy(logits!, batch.labels);
        const pieces = applyLinear(hidden, ...named(at, `${TOWARDS}pieces`));
        const rows = applyLinear(pooled(at, hidden), ...named(at, `${TOWARDS}rows`));
        return addN<Scalar>([
          guessed,
          mul(mean<Scalar>(square(sub(pieces, taughtPieces))), WEIGHTS.pieces),
          mul(distance(rows, taughtRows), WEIGHTS.rows),
        ]);
      }),
  };
}
