import type { Start } from "@cambium/core";
import { type HeadConfig, poolOf } from "../../head-config.ts";
import { embedding, inLayer, inPart, linear, norm, type Piece, parameter, site } from "../../layout.ts";
import type { BertConfig } from "./config.ts";

/**
 * Sites and parameters of the encoder, in the order of the visits.
 *
 * Paths are the checkpoint's module names; what is no module there is named here: `ff` (the feed-forward part),
 * `intermediate` (its activation) and `attention.self.pattern`.
 */
export function bertLayout(config: BertConfig, head?: HeadConfig): readonly Piece[] {
  const { hidden_size: dModel } = config;
  const start = startOf(config);
  const table = (name: string, rows: number): Piece => parameter(`embeddings.${name}.weight`, [rows, dModel], start);
  return [
    embedding("embeddings.word_embeddings", { rows: config.vocab_size, width: dModel, start }),
    table("position_embeddings", config.max_position_embeddings),
    table("token_type_embeddings", config.type_vocab_size),
    norm("embeddings.LayerNorm", "embed.norm", dModel),
    ...Array.from({ length: config.num_hidden_layers }, (_, i) => inLayer(i, layer(config, i))).flat(),
    ...(head === undefined || readsPooler(config, head)
      ? inPart("pooler", [linear("pooler.dense", "pooler", { input: dModel, output: dModel, start })])
      : []),
  ];
}

/** How matrices and embeddings start. */
export function startOf(config: BertConfig): Start {
  return { kind: "normal", deviation: config.initializer_range };
}

/** Whether a head reads `pooler.dense`: BERT's heads on whole sequences do, unless they read other rows than the first. */
function readsPooler(config: BertConfig, head: HeadConfig): boolean {
  const isOfSequence = head.kind === "sequence-classification" || head.kind === "regression";
  return config.model_type === "bert" && isOfSequence && poolOf(head) === undefined;
}

function layer(config: BertConfig, index: number): readonly Piece[] {
  const { hidden_size: dModel, intermediate_size: dFf, num_attention_heads: heads } = config;
  const path = `encoder.layer.${index}`;
  const start = startOf(config);
  const square = { input: dModel, output: dModel, start, eightBit: true };
  return [
    site("block", path, "block", dModel),
    site("sublayer", `${path}.attention`, "attn", dModel),
    linear(`${path}.attention.self.query`, "attn.q", square),
    linear(`${path}.attention.self.key`, "attn.k", square),
    linear(`${path}.attention.self.value`, "attn.v", square),
    site("attention", `${path}.attention.self`, "attn.core", dModel / heads, { keyHeads: heads }),
    site("pattern", `${path}.attention.self.pattern`, "attn.pattern", heads),
    linear(`${path}.attention.output.dense`, "attn.out", square),
    norm(`${path}.attention.output.LayerNorm`, "attn.norm", dModel),
    site("sublayer", `${path}.ff`, "ff", dModel),
    linear(`${path}.intermediate.dense`, "ff.up", { input: dModel, output: dFf, start, eightBit: true }),
    site("activation", `${path}.intermediate`, "ff.act", dFf),
    linear(`${path}.output.dense`, "ff.down", { input: dFf, output: dModel, start, eightBit: true }),
    norm(`${path}.output.LayerNorm`, "ff.norm", dModel),
  ];
}
