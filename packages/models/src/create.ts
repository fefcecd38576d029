import type { Random } from "@cambium/core";
import { ones, type Tensor, zeros } from "@tensorflow/tfjs-core";
import { type EncoderConfig, type EncoderSizes, parseEncoderConfig } from "./config.ts";
import { assembleModel, type EncoderModel } from "./encoder-model.ts";
import { type HeadConfig, parseHeadConfig } from "./head-config.ts";
import { parameterShapes, type Shapes } from "./shapes.ts";

/** Settings of `createModel`. */
export interface CreateModelOptions {
  /** What stands on top. @default nothing: hidden states and the pooler's output only */
  readonly head?: HeadConfig;
}

/**
 * A model with random weights.
 *
 * Matrices and embeddings are normal with deviation `initializer_range`, biases 0, norms 1. Each parameter draws from
 * the key of its own name, so equal seeds give equal encoders below different heads.
 *
 * @param config - The sizes; what is left out has its default.
 * @throws {ConfigError} A value out of range, or a key that does not exist; the nearest one is named.
 * @see Devlin et al. 2018, arXiv:1810.04805, and its released code for the deviation.
 * @example
 * const model = createModel(
 *   { model_type: "bert", vocab_size: 100, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 64 },
 *   random(1),
 *   { head: { kind: "masked-lm" } },
 * );
 */
export function createModel(
  config: EncoderSizes & Partial<EncoderConfig>,
  random: Random,
  options: CreateModelOptions = {},
): EncoderModel {
  const whole = parseEncoderConfig("createModel", config, "user");
  const head = options.head === undefined ? undefined : parseHeadConfig("createModel", options.head);
  return assembleModel({
    config: whole,
    head,
    parameters: createParameters(parameterShapes(whole, head), whole, random),
  });
}

/** Random values for `shapes`, as `createModel` says. The caller owns them. */
export function createParameters(shapes: Shapes, config: EncoderConfig, random: Random): Map<string, Tensor> {
  const isNorm = /(LayerNorm|layer_norm)\.weight$/;
  const parameters = new Map<string, Tensor>();
  for (const [name, shape] of shapes) {
    if (name.endsWith(".bias")) parameters.set(name, zeros([...shape]));
    else if (isNorm.test(name)) parameters.set(name, ones([...shape]));
    else parameters.set(name, random.at(name).normal(shape, 0, config.initializer_range));
  }
  return parameters;
}
