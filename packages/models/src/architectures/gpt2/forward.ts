/**
 * The decoder of GPT-2: pre-norm blocks, learned positions, and one matrix for query, key and value.
 *
 * Radford et al. 2019, Language Models are Unsupervised Multitask Learners; as OpenAI and transformers have it.
 */
import type { Flow, Scope } from "@cambium/core";
import { add, gather, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import type { Hidden, TokenBatch } from "../../architecture.ts";
import {
  activations,
  checkLength,
  decoderBias,
  decoderPositions,
  drop,
  embedWords,
  joinHeads,
  norm,
  splitHeads,
} from "../../blocks.ts";
import type { Gpt2Config } from "./config.ts";

/** Embeddings, all blocks, and the last norm. */
export function decode(scope: Scope, config: Gpt2Config, batch: TokenBatch): Hidden {
  const root = scope.at("transformer");
  const { x, mask, positions, extra } = embed(root, config, batch);
  const bias = decoderBias(scope, mask, batch.sequences);
  let hidden = x;
  for (let i = 0; i < config.n_layer; i++) hidden = block(root.at(`h.${i}`), config, i, hidden, bias);
  return { hidden: norm(root, "ln_f", hidden, config.layer_norm_epsilon), mask, positions, extra };
}

function embed(root: Scope, config: Gpt2Config, { ids, mask, sequences }: TokenBatch): Flow["embed"]["output"] {
  const input = { ids, mask, positions: decoderPositions(root, mask, sequences) };
  const words = embedWords(root, "wte", input);
  checkLength(config.n_positions, (root.cache?.nextPosition ?? 0) + words.x.shape[1] + (words.offset ?? 0));
  const x = add(words.x, gather(root.parameter("wpe.weight"), words.positions)) as Tensor3D;
  return { ...words, x: drop(root, x, config.embd_pdrop) };
}

/** `x` is `[batch, seq, dModel]`. Each part reads its input through a norm, and is added to it. */
function block(scope: Scope, config: Gpt2Config, index: number, x: Tensor3D, bias: Tensor): Tensor3D {
  const epsilon = config.layer_norm_epsilon;
  return scope.call("block", "", x, (input) => {
    const attended = scope.call("sublayer", "attn", norm(scope, "ln_1", input, epsilon), (part) =>
      attention(scope.at("attn"), config, index, part, bias),
    );
    const middle = add(input, attended) as Tensor3D;
    const fed = scope.call("sublayer", "mlp", norm(scope, "ln_2", middle, epsilon), (part) =>
      feedForward(scope.at("mlp"), config, part),
    );
    return add(middle, fed) as Tensor3D;
  });
}

function attention(scope: Scope, config: Gpt2Config, index: number, x: Tensor3D, bias: Tensor): Tensor3D {
  const heads = config.n_head;
  const [query, key, value] = scope.split("c_attn", x).map((part) => splitHeads(part, heads));
  const scale =
    (config.scale_attn_weights ? 1 / Math.sqrt(query!.shape[3]) : 1) /
    (config.scale_attn_by_inverse_layer_idx ? index + 1 : 1);
  const input = { query: query!, key: key!, value: value!, bias, scale, causal: true };
  const mixed = scope.attend("core", input, { dropout: config.attn_pdrop });
  return drop(scope, scope.linear("c_proj", joinHeads(mixed)) as Tensor3D, config.resid_pdrop);
}

function feedForward(scope: Scope, config: Gpt2Config, x: Tensor3D): Tensor3D {
  const names = { up: "c_fc", act: "act", down: "c_proj" };
  const fed = scope.feedForward(x, { ...names, activate: activations[config.activation_function] });
  return drop(scope, fed, config.resid_pdrop);
}
