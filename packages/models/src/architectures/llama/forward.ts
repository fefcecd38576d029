/**
 * The decoder of LLaMA, and of families of its form: pre-norm blocks with RMS norms, rotary positions, keys and values of fewer
 * heads, gated feed-forward layers; where a family has them, norms of heads and windows.
 *
 * Touvron et al. 2023, Llama 2, arXiv:2307.09288; Ainslie et al. 2023, arXiv:2305.13245, for grouped queries; Shazeer 2020,
 * arXiv:2002.05202, for the gate; Beltagy et al. 2020, arXiv:2004.05150, for windows; Henry et al. 2020, arXiv:2010.04245, for
 * normed queries and keys.
 */
import type { Scope } from "@cambium/core";
import { add, reshape, type Tensor, type Tensor3D, type Tensor4D } from "@tensorflow/tfjs-core";
import type { Hidden, TokenBatch } from "../../architecture.ts";
import {
  activations,
  decoderBias,
  decoderPositions,
  embedWords,
  joinHeads,
  rootMeanSquareNorm,
  splitHeads,
  windowBias,
} from "../../blocks.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import type { DecoderForm } from "./form.ts";
import { type Rotation, rotate, rotationAt } from "./rotary.ts";

/** What every block is given besides its input. */
interface Rows {
  readonly form: DecoderForm;
  readonly bias: Tensor;
  readonly rotation: Rotation;
}

/** Embeddings, all blocks, and the last norm. */
export function decode(
  scope: Scope,
  config: DecoderConfig,
  form: DecoderForm,
  { ids, mask: real, sequences }: TokenBatch,
): Hidden {
  const root = scope.at("model");
  const input = { ids, mask: real, positions: decoderPositions(root, real, sequences) };
  const { x, mask, positions, extra, keys = 0 } = embedWords(root, "embed_tokens", input);
  const biases = new Map<number | undefined, Tensor>(); // by window: layers share them
  for (const window of new Set(form.windows ?? [undefined])) {
    biases.set(
      window,
      window === undefined ? decoderBias(root, mask, sequences) : windowBias(root, mask, { window, keys, sequences }),
    );
  }
  const rotation = rotationAt(positions, config);
  let hidden = x;
  for (let i = 0; i < config.num_hidden_layers; i++) {
    hidden = block(root.at(`layers.${i}`), config, hidden, { form, rotation, bias: biases.get(form.windows?.[i])! });
  }
  return { hidden: rootMeanSquareNorm(root, "norm", hidden, config.rms_norm_eps), mask, positions, extra };
}

/** `x` is `[batch, seq, dModel]`. Each part reads its input through a norm, and is added to it. */
function block(scope: Scope, config: DecoderConfig, x: Tensor3D, rows: Rows): Tensor3D {
  const epsilon = config.rms_norm_eps;
  return scope.call("block", "", x, (input) => {
    const forAttention = rootMeanSquareNorm(scope, "input_layernorm", input, epsilon);
    const attended = scope.call("sublayer", "self_attn", forAttention, (part) =>
      attention(scope.at("self_attn"), config, part, rows),
    );
    const middle = add(input, attended) as Tensor3D;
    const forFeeding = rootMeanSquareNorm(scope, "post_attention_layernorm", middle, epsilon);
    const fed = scope.call("sublayer", "mlp", forFeeding, (part) => feedForward(scope.at("mlp"), config, part));
    return add(middle, fed) as Tensor3D;
  });
}

function attention(scope: Scope, config: DecoderConfig, x: Tensor3D, rows: Rows): Tensor3D {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const query = turned(scope, config, "q", x, heads, rows);
  const key = turned(scope, config, "k", x, keyHeads, rows);
  const value = splitHeads(scope.linear("v_proj", x), keyHeads);
  const input = { query, key, value, bias: rows.bias, scale: 1 / Math.sqrt(config.head_dim), causal: true };
  const mixed = scope.attend("core", input, { dropout: config.attention_dropout });
  return scope.linear("o_proj", joinHeads(mixed)) as Tensor3D;
}

/** Queries or keys `[batch, heads, seq, dHead]`, normed where the family does so, and turned by their positions. */
function turned(
  scope: Scope,
  config: DecoderConfig,
  name: "q" | "k",
  x: Tensor3D,
  heads: number,
  { form, rotation }: Rows,
): Tensor4D {
  const flat = scope.linear(`${name}_proj`, x) as Tensor3D;
  if (form.headNorms !== true) return rotate(splitHeads(flat, heads), rotation);
  const [batch, seq] = flat.shape;
  const rows = reshape(flat, [batch, seq * heads, config.head_dim]) as Tensor3D; // a row for each head of each token
  const normed = rootMeanSquareNorm(scope, `${name}_norm`, rows, config.rms_norm_eps);
  return rotate(splitHeads(reshape(normed, flat.shape), heads), rotation);
}

function feedForward(scope: Scope, config: DecoderConfig, x: Tensor3D): Tensor3D {
  const names = { gate: "gate_proj", up: "up_proj", act: "act_fn", down: "down_proj" };
  return scope.feedForward(x, { ...names, activate: activations[config.hidden_act] });
}
