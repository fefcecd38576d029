import { random } from "@cambium/core";
import {
  createModel,
  type TokenBatch,
  type EncoderConfig,
  type LanguageModel,
  type HeadConfig,
} from "@cambium/models";
import { add, dispose, mul, type Tensor, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";

/** Sizes of the tiny encoders: small enough for finite differences, with no two sizes alike. */
export const tinySizes = {
  vocab_size: 23,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 20,
  type_vocab_size: 2,
  initializer_range: 0.4,
} satisfies Partial<EncoderConfig>;

/** Settings of `tinyModel`. */
export interface TinyModelOptions {
  /** @default "bert" */
  readonly type?: "bert" | "roberta";
  /** `undefined` for none. @default three classes of sequences */
  readonly head?: HeadConfig | undefined;
  /** @default 1 */
  readonly seed?: number;
  /** Rate of every dropout. @default 0.1 */
  readonly dropout?: number;
}

const classes: HeadConfig = { kind: "sequence-classification", labels: ["red", "green", "blue"] };

/**
 * An encoder of two layers and width 8 with seeded random weights. Biases and norms are random as well, so that none of
 * them hides behind a zero or a one. The caller disposes of its parameters.
 */
export function tinyModel(options: TinyModelOptions = {}): LanguageModel {
  const { type = "bert", seed = 1, dropout = 0.1 } = options;
  const head = "head" in options ? options.head : classes;
  const key = random(seed);
  const model = createModel(
    { ...tinySizes, model_type: type, hidden_dropout_prob: dropout, attention_probs_dropout_prob: dropout },
    key,
    head === undefined ? {} : { head },
  );
  const parameters = new Map<string, Tensor>();
  for (const [name, value] of model.parameters) {
    const shifted = tidy(() =>
      add(value, mul(key.at("shift").at(name).normal(value.shape), value.rank === 1 ? 0.3 : 0)),
    );
    parameters.set(name, shifted);
    value.dispose();
  }
  return {
    ...model,
    parameters,
    forward: (input, forwardOptions) => model.forward(input, { parameters, ...forwardOptions }),
    ...(model.loss !== undefined && {
      loss: (input, forwardOptions) => model.loss!(input, { parameters, ...forwardOptions }),
    }),
  };
}

/** Three sequences of six tokens with padding, two segments and, by default, a class each. The caller disposes of them. */
export function tinyBatch(model: LanguageModel): TokenBatch {
  const pad = model.config.pad_token_id;
  return {
    ids: tensor2d(
      [
        [3, 9, 14, 7, 22, 5],
        [4, 18, 6, 11, pad, pad],
        [12, 8, 21, pad, pad, pad],
      ],
      [3, 6],
      "int32",
    ),
    mask: tensor2d([
      [1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 0, 0],
      [1, 1, 1, 0, 0, 0],
    ]),
    types: tensor2d(
      [
        [0, 0, 0, 1, 1, 1],
        [0, 0, 1, 1, 0, 0],
        [0, 1, 1, 0, 0, 0],
      ],
      [3, 6],
      "int32",
    ),
    labels: tensor1d([0, 2, 1], "int32"),
  };
}

/** Disposes of the tensors of a batch, or of a forward pass. */
export function disposeFields(fields: object): void {
  dispose(fields as Record<string, Tensor>);
}
