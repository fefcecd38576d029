import { ConfigError } from "@cambium/base";
import { bitsOf, isQuantised, type Parameters, type Random } from "@cambium/core";
import { add, concat, mean, moments, mul, slice, sqrt, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { ModelConfig } from "./architecture.ts";
import type { HeadConfig } from "./head-config.ts";
import { assembleModel, type LanguageModel, layoutOf } from "./language-model.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { checkWhole } from "./view.ts";

/** How far new rows lie from the mean of the old ones, in deviations of these: enough to tell them apart. */
const SPREAD = 0.01;

/** Which axis of a parameter counts tokens: the one whose size changes. */
function axisOf(before: readonly number[], after: readonly number[]): number {
  return after.findIndex((size, axis) => size !== before[axis]);
}

/** A parameter with another number of tokens. The caller owns it. */
function resized(old: Tensor, axis: number, size: number, random: Random): Tensor {
  return tidy(() => {
    const begin = old.shape.map(() => 0);
    const kept = old.shape.map((length, i) => (i === axis ? Math.min(length, size) : length));
    const rows = slice(old, begin, kept);
    const count = size - kept[axis]!;
    if (count === 0) return rows;
    const { variance } = moments(old, axis, true);
    const shape = old.shape.map((length, i) => (i === axis ? count : length));
    const more = add(mean(old, axis, true), mul(mul(sqrt(variance), SPREAD), random.normal(shape)));
    return concat([rows, more], axis);
  });
}

/**
 * A model with room for more tokens, or for fewer: the word embeddings, and everything else that has a row for each token, such
 * as a language model's head and its bias. A head that is tied to the embeddings follows them.
 *
 * New rows are the mean of the old ones, a hundredth of their deviation apart, so that a new token is at first no likelier than others (Hewitt
 * 2021, Initializing New Word Embeddings for Pretrained Language Models). The new model shares all other weights with the old one.
 *
 * @param size - How many tokens, or a tokenizer: then the model grows to that one's, and never shrinks, since many models have
 *   more rows than their tokenizer has tokens.
 * @returns The model. Its word embeddings are the caller's; deltas of the old one are attached to it by `tuned.on`, which refuses
 *   those that hold rows for tokens.
 * @throws {ConfigError} When the size is no whole number of at least 1, the architecture refuses it, or the rows are in few bits.
 * @example
 * const tokenizer = addTokens(await loadTokenizer(folder), ["<tool>", "</tool>"], { special: true });
 * const model = resizeEmbeddings(await loadModel(folder), tokenizer, random(1));
 */
export function resizeEmbeddings<Config extends ModelConfig, Top extends HeadConfig>(
  model: LanguageModel<Config, Top>,
  size: number | Pick<Tokenizer, "vocabularySize">,
  random: Random,
): LanguageModel<Config, Top> {
  const { architecture, config, head, layout } = model;
  checkWhole("resizeEmbeddings", model);
  const count = typeof size === "number" ? size : Math.max(size.vocabularySize, config.vocab_size);
  if (!Number.isInteger(count) || count < 1) {
    throw new ConfigError({
      message: `resizeEmbeddings: size must be a whole number of at least 1, got ${count}`,
      size: count,
    });
  }
  const grown = architecture.parse("resizeEmbeddings", { ...config, vocab_size: count }, "file") as Config;
  const wanted = layoutOf(architecture, grown, head);
  const parameters = new Map<string, Tensor>(model.parameters as Parameters);
  for (const [name, tensor] of model.parameters) {
    const spec = wanted.parameters.get(name) ?? layout.parameters.get(name)!;
    const axis = axisOf(tensor.shape, spec.shape);
    if (axis === -1) continue;
    if (isQuantised(tensor)) {
      throw new ConfigError({
        message: `resizeEmbeddings: "${name}" is in ${bitsOf(tensor)} bits and cannot get other rows; load the model in float32, or with keepFloat: ["${name}"]`,
        name,
      });
    }
    parameters.set(name, resized(tensor, axis, spec.shape[axis]!, random.at(name)));
  }
  const { created, unused } = model;
  return assembleModel({ architecture, config: grown, head, layout: wanted, parameters, created, unused });
}
