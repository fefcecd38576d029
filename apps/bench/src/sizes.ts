import { ConfigError } from "@cambium/base";
import type { BertConfig, ConfigInput, LlamaConfig } from "@cambium/models";

/** The sizes of a model that is measured. */
export interface Size {
  /** `<layers>x<width>`, as in rows' names. */
  readonly name: string;
  readonly layers: number;
  readonly width: number;
  /** Of width 64. */
  readonly heads: number;
  /** RoBERTa's and SmolLM2's at their widths, else a small one. */
  readonly vocabulary: number;
}

const vocabularies: Readonly<Record<number, number>> = { 768: 50_265, 576: 49_152 };

/** The size of a name such as `12x768`. */
export function parseSize(name: string): Size {
  const [layers, width] = (/^(\d+)x(\d+)$/.exec(name) ?? []).slice(1).map(Number);
  if (layers === undefined || width === undefined || width % 64 !== 0)
    throw new ConfigError({
      message: `bench: a size is <layers>x<width> with a width in multiples of 64, got "${name}"`,
    });
  return { name, layers, width, heads: width / 64, vocabulary: vocabularies[width] ?? 5_000 };
}

/** RoBERTa's shape, as the Python side has it. */
export function robertaConfig(
  { width, layers, heads, vocabulary }: Size,
  dropout = 0,
): ConfigInput & Partial<BertConfig> {
  return {
    model_type: "roberta",
    vocab_size: vocabulary,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * width,
    max_position_embeddings: 514,
    type_vocab_size: 1,
    pad_token_id: 1,
    hidden_dropout_prob: dropout,
    attention_probs_dropout_prob: dropout,
  };
}

/** SmolLM2's shape (135M at 30x576), as the Python side has it: three query heads share one of the keys. */
export function smolConfig(
  { width, layers, heads, vocabulary }: Size,
  dropout = 0,
): ConfigInput & Partial<LlamaConfig> {
  return {
    model_type: "llama",
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: (8 * width) / 3,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: heads / 3,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    attention_dropout: dropout,
  };
}

/** Rank of the LoRA that is measured. */
export const RANK = 8;

/**
 * What is trained: LoRA on query and value with a classification head, every weight, every weight of a decoder, or LoRA on query
 * and value of SmolLM2's shape.
 */
export type Method = "lora" | "full" | "causal" | "smollm2";

/**
 * Floating-point operations of a forward pass: products only, two operations for a multiplication and an addition.
 *
 * @returns Of all linear layers, and of attention's two products.
 */
export function flopsOfForward(
  { layers, width }: Size,
  batch: number,
  seq: number,
): [linear: number, attention: number] {
  const tokens = batch * seq;
  return [2 * tokens * layers * 12 * width * width, 2 * 2 * tokens * seq * width * layers];
}

/** Floating-point operations of a training step: every product that its result needs, and nothing else. */
export function flopsOfStep(size: Size, batch: number, seq: number, method: Method = "lora"): number {
  const { layers, width, vocabulary } = size;
  const tokens = batch * seq;
  if (method === "smollm2") return flopsOfSmolStep(size, batch, seq);
  const [linear, attention] = flopsOfForward(size, batch, seq);
  const head = 3 * 2 * (method === "causal" ? tokens * width * vocabulary : batch * width * (width + 2));
  if (method !== "lora") return 3 * linear + 3 * attention + head;
  // Six thin products for each of two sites a layer. The first layer passes no gradient on to the embeddings: none for the
  // inputs of query, key and value and of their LoRA, and none for the keys.
  const thin = 2 * 6 * 2 * tokens * width * RANK * layers;
  const spared = 3 * 2 * tokens * width * width + 2 * tokens * seq * width + 2 * 2 * tokens * width * RANK;
  return 2 * linear + 3 * attention + thin + head - spared;
}

/** The same for LoRA on SmolLM2's shape, whose keys and values are a third as wide, and whose head is the frozen words. */
function flopsOfSmolStep({ layers, width, vocabulary }: Size, batch: number, seq: number): number {
  const tokens = batch * seq;
  const square = 2 * tokens * width * width;
  const linear = layers * square * (2 + 2 / 3 + 8); // query and output, key and value, three of the feed-forward part
  const attention = 2 * 2 * tokens * seq * width * layers;
  const thin = 3 * 2 * tokens * RANK * (2 * width + width + width / 3) * layers;
  // The first layer passes no gradient on to the embeddings.
  const spared = square * (1 + 2 / 3) + 2 * tokens * seq * width + 2 * 2 * tokens * width * RANK;
  return 2 * linear + 3 * attention + thin + 2 * 2 * tokens * width * vocabulary - spared;
}
