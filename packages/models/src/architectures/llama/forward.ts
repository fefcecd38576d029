/**
 * The decoder of LLaMA: pre-norm blocks with RMS norms, rotary positions, keys and values of fewer heads, gated feed-forward layers.
 *
 * Touvron et al. 2023, Llama 2, arXiv:2307.09288; Ainslie et al. 2023, arXiv:2305.13245, for grouped queries; Shazeer 2020,
 * arXiv:2002.05202, for the gate.
 */
import type { Scope } from "@cambium/core";
import { add, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import type { Hidden, TokenBatch } from "../../architecture.ts";
import {
  activations,
  decoderBias,
  decoderPositions,
  embedWords,
  joinHeads,
  rootMeanSquareNorm,
  splitHeads,
} from "../../blocks.ts";
import type { LlamaConfig } from "./config.ts";
import { type Rotation, rotate, rotationAt } from "./rotary.ts";

/** What every block is given besides its input. */
interface Rows {
  readonly bias: Tensor;
  readonly rotation: Rotation;
}

/** Embeddings, all blocks, and the last norm. */
export function decode(scope: Scope, config: LlamaConfig, { ids, mask: real }: TokenBatch): Hidden {
  const root = scope.at("model");
  const input = { ids, mask: real, positions: decoderPositions(root, real) };
  const { x, mask, positions, extra } = embedWords(root, "embed_tokens", input);
  const rows = { bias: decoderBias(root, mask), rotation: rotationAt(positions, config) };
  let hidden = x;
  for (let i = 0; i < config.num_hidden_layers; i++) hidden = block(root.at(`layers.${i}`), config, hidden, rows);
  return { hidden: rootMeanSquareNorm(root, "norm", hidden, config.rms_norm_eps), mask, positions, extra };
}

/** `x` is `[batch, seq, dModel]`. Each part reads its input through a norm, and is added to it. */
function block(scope: Scope, config: LlamaConfig, x: Tensor3D, rows: Rows): Tensor3D {
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

function attention(scope: Scope, config: LlamaConfig, x: Tensor3D, { bias, rotation }: Rows): Tensor3D {
  const { num_attention_heads: heads, num_key_value_heads: keyHeads } = config;
  const query = rotate(splitHeads(scope.linear("q_proj", x), heads), rotation);
  const key = rotate(splitHeads(scope.linear("k_proj", x), keyHeads), rotation);
  const value = splitHeads(scope.linear("v_proj", x), keyHeads);
  const input = { query, key, value, bias, scale: 1 / Math.sqrt(config.head_dim), causal: true };
  const mixed = scope.attend("core", input, { dropout: config.attention_dropout });
  return scope.linear("o_proj", joinHeads(mixed)) as Tensor3D;
}

function feedForward(scope: Scope, config: LlamaConfig, x: Tensor3D): Tensor3D {
  const names = { gate: "gate_proj", up: "up_proj", act: "act_fn", down: "down_proj" };
  return scope.feedForward(x, { ...names, activate: activations[config.hidden_act] });
}
