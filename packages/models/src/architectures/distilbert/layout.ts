import type { Start } from "@cambium/core";
import { tensor2d } from "@tensorflow/tfjs-core";
import { embedding, inLayer, linear, norm, type Piece, parameter, site } from "../../layout.ts";
import type { DistilBertConfig } from "./config.ts";

/** The table of word embeddings, which the masked-LM head shares. */
export const WORDS = "embeddings.word_embeddings.weight";

/** How matrices and embeddings start. */
export function startOf(config: DistilBertConfig): Start {
  return { kind: "normal", deviation: config.initializer_range };
}

/** Random positions, or waves: sines in even columns and cosines in odd ones, of `10000^(−2⌊column / 2⌋ / dModel)` a position. */
function positionStart(config: DistilBertConfig): Start {
  if (!config.sinusoidal_pos_embds) return startOf(config);
  const { max_position_embeddings: rows, dim } = config;
  const wave = (row: number, column: number): number => {
    const angle = row / 10000 ** ((2 * Math.floor(column / 2)) / dim);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  };
  const values = Float32Array.from({ length: rows * dim }, (_, i) => wave(Math.floor(i / dim), i % dim));
  return { kind: "given", make: () => tensor2d(values, [rows, dim]) };
}

/**
 * Sites and parameters of the encoder, in the order of the visits.
 *
 * Paths are the checkpoint's module names; what is no module there is named here: `attention.core` and its pattern.
 */
export function distilBertLayout(config: DistilBertConfig): readonly Piece[] {
  const { dim: dModel } = config;
  const start = startOf(config);
  return [
    embedding("embeddings.word_embeddings", { rows: config.vocab_size, width: dModel, start }),
    parameter("embeddings.position_embeddings.weight", [config.max_position_embeddings, dModel], positionStart(config)),
    norm("embeddings.LayerNorm", "embed.norm", dModel),
    ...Array.from({ length: config.n_layers }, (_, i) => inLayer(i, layer(config, `transformer.layer.${i}`))).flat(),
  ];
}

function layer(config: DistilBertConfig, path: string): readonly Piece[] {
  const { dim: dModel, hidden_dim: dFf, n_heads: heads } = config;
  const common = { start: startOf(config), eightBit: true } as const;
  const square = { ...common, input: dModel, output: dModel };
  return [
    site("block", path, "block", dModel),
    site("sublayer", `${path}.attention`, "attn", dModel),
    linear(`${path}.attention.q_lin`, "attn.q", square),
    linear(`${path}.attention.k_lin`, "attn.k", square),
    linear(`${path}.attention.v_lin`, "attn.v", square),
    site("attention", `${path}.attention.core`, "attn.core", dModel / heads, { keyHeads: heads }),
    site("pattern", `${path}.attention.core.pattern`, "attn.pattern", heads),
    linear(`${path}.attention.out_lin`, "attn.out", square),
    norm(`${path}.sa_layer_norm`, "attn.norm", dModel),
    site("sublayer", `${path}.ffn`, "ff", dModel),
    linear(`${path}.ffn.lin1`, "ff.up", { ...common, input: dModel, output: dFf }),
    site("activation", `${path}.ffn.activation`, "ff.act", dFf),
    linear(`${path}.ffn.lin2`, "ff.down", { ...common, input: dFf, output: dModel }),
    norm(`${path}.output_layer_norm`, "ff.norm", dModel),
  ];
}
