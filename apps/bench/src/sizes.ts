import type { EncoderConfig, EncoderSizes } from "@cambium/models";

/** A model size that is measured, with the name of its row. */
export type SizeName = "4x256" | "12x768";

/** RoBERTa's shape without dropout, as the Python side has it. */
function roberta(
  width: number,
  layers: number,
  heads: number,
  vocabulary: number,
): EncoderSizes & Partial<EncoderConfig> {
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
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  };
}

/** What is measured. */
export const sizes: Readonly<Record<SizeName, EncoderSizes & Partial<EncoderConfig>>> = {
  "4x256": roberta(256, 4, 4, 5_000),
  "12x768": roberta(768, 12, 12, 50_265),
};

/**
 * Floating-point operations of a LoRA step: every linear layer forward and for its input's gradient, two products each way
 * of attention, none for frozen weights. The thin products of LoRA and the head are left out.
 */
export function flopsOfStep(size: SizeName, batch: number, seq: number): number {
  const { hidden_size: width, num_hidden_layers: layers, intermediate_size: inner } = sizes[size];
  const tokens = batch * seq;
  const linear = 2 * tokens * layers * (4 * width * width + 2 * width * inner);
  const attention = 2 * 2 * tokens * seq * width * layers;
  return 2 * linear + 3 * attention;
}
