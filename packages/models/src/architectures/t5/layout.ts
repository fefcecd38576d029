import type { Start } from "@cambium/core";
import { embedding, inLayer, linear, norm, type Piece, parameter, site, tied } from "../../layout.ts";
import { feedForwardKind, type T5Config } from "./config.ts";

/** The table of word embeddings, of both stacks and perhaps of the head. */
export const WORDS = "shared.weight";

type Stack = "encoder" | "decoder";

/** How a matrix starts that reads `width` numbers. */
export function startFor(config: T5Config, width: number): Start {
  return { kind: "normal", deviation: config.initializer_factor / Math.sqrt(width) };
}

/**
 * Sites and parameters of both stacks, in the order of the visits.
 *
 * Paths are the checkpoint's module names; what is no module there is named here: `core` and `core.pattern` in attention, and
 * `act`, what the last feed-forward layer reads. Deviations are those of transformers.
 */
export function t5Layout(config: T5Config): readonly Piece[] {
  return [
    ...stackLayout(config, "encoder", config.num_layers),
    ...stackLayout(config, "decoder", config.num_decoder_layers),
  ];
}

function stackLayout(config: T5Config, stack: Stack, layers: number): readonly Piece[] {
  const { d_model: dModel, vocab_size: rows } = config;
  const words = embedding(`${stack}.embed_tokens`, { rows, width: dModel, start: startFor(config, 1), table: WORDS });
  const last = norm(`${stack}.final_layer_norm`, "final.norm", dModel, { bias: false });
  const ofStack = (piece: Piece): Piece => ({ ...piece, sites: piece.sites.map((each) => ({ ...each, stack })) });
  return [
    ofStack(words),
    tied(`${stack}.embed_tokens.weight`, WORDS, [rows, dModel]),
    parameter(
      `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
      [config.relative_attention_num_buckets, config.num_heads],
      startFor(config, dModel),
    ),
    ...Array.from({ length: layers }, (_, i) => inLayer(i, block(config, stack, `${stack}.block.${i}`), stack)).flat(),
    ofStack(last),
  ];
}

function block(config: T5Config, stack: Stack, path: string): readonly Piece[] {
  const { d_model: dModel } = config;
  return [
    site("block", path, "block", dModel),
    ...attention(config, `${path}.layer.0`, "SelfAttention", "attn"),
    ...(stack === "decoder" ? attention(config, `${path}.layer.1`, "EncDecAttention", "cross") : []),
    ...feedForward(config, `${path}.layer.${stack === "decoder" ? 2 : 1}`),
  ];
}

function attention(config: T5Config, path: string, name: string, role: "attn" | "cross"): readonly Piece[] {
  const { d_model: dModel, d_kv: dHead, num_heads: heads } = config;
  const inner = heads * dHead;
  const here = `${path}.${name}`;
  const projection = (part: "q" | "k" | "v", start: Start): Piece =>
    linear(`${here}.${part}`, `${role}.${part}`, { input: dModel, output: inner, start, bias: false, eightBit: true });
  return [
    norm(`${path}.layer_norm`, `${role}.norm`, dModel, { bias: false }),
    site("sublayer", here, role, dModel),
    projection("q", startFor(config, dModel * dHead)),
    projection("k", startFor(config, dModel)),
    projection("v", startFor(config, dModel)),
    site("attention", `${here}.core`, `${role}.core`, dHead, { keyHeads: heads }),
    site("pattern", `${here}.core.pattern`, `${role}.pattern`, heads),
    linear(`${here}.o`, `${role}.out`, {
      input: inner,
      output: dModel,
      start: startFor(config, inner),
      bias: false,
      eightBit: true,
    }),
  ];
}

function feedForward(config: T5Config, path: string): readonly Piece[] {
  const { d_model: dModel, d_ff: dFf } = config;
  const here = `${path}.DenseReluDense`;
  const common = { bias: false, eightBit: true };
  const up = { ...common, input: dModel, output: dFf, start: startFor(config, dModel) };
  return [
    norm(`${path}.layer_norm`, "ff.norm", dModel, { bias: false }),
    site("sublayer", here, "ff", dModel),
    ...(feedForwardKind(config).isGated
      ? [linear(`${here}.wi_0`, "ff.gate", up), linear(`${here}.wi_1`, "ff.up", up)]
      : [linear(`${here}.wi`, "ff.up", up)]),
    site("activation", `${here}.act`, "ff.act", dFf),
    linear(`${here}.wo`, "ff.down", { ...common, input: dFf, output: dModel, start: startFor(config, dFf) }),
  ];
}
