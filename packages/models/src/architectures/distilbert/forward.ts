/**
 * The encoder of DistilBERT: BERT's without segments and pooler, half as deep.
 *
 * Sanh et al. 2019, DistilBERT, a distilled version of BERT, arXiv:1910.01108; as transformers has it.
 */
import type { Flow, Scope } from "@cambium/core";
import { add, gather, type Tensor, type Tensor3D } from "@tensorflow/tfjs-core";
import type { Hidden, TokenBatch } from "../../architecture.ts";
import {
  activations,
  checkLength,
  drop,
  embedWords,
  joinHeads,
  norm,
  paddingBias,
  rowPositions,
  splitHeads,
} from "../../blocks.ts";
import { type DistilBertConfig, EPSILON } from "./config.ts";

/** Embeddings and all layers. */
export function encode(scope: Scope, config: DistilBertConfig, batch: TokenBatch): Hidden {
  const { x, mask, positions, extra } = embed(scope.at("embeddings"), config, batch);
  const bias = paddingBias(mask);
  let hidden = x;
  for (let i = 0; i < config.n_layers; i++) hidden = layer(scope.at(`transformer.layer.${i}`), config, hidden, bias);
  return { hidden, mask, positions, extra };
}

/** Words and positions, which count every row, whatever is padding; summed and normed. */
function embed(scope: Scope, config: DistilBertConfig, { ids, mask }: TokenBatch): Flow["embed"]["output"] {
  const words = embedWords(scope, "word_embeddings", { ids, mask, positions: rowPositions(ids.shape) });
  checkLength(config.max_position_embeddings, words.x.shape[1] + (words.offset ?? 0));
  const x = add(words.x, gather(scope.parameter("position_embeddings.weight"), words.positions)) as Tensor3D;
  return { ...words, x: drop(scope, norm(scope, "LayerNorm", x, EPSILON), config.dropout) };
}

/** One block: each of its two parts is added to what it read, then normed. `x` is `[batch, seq, dModel]`. */
function layer(scope: Scope, config: DistilBertConfig, x: Tensor3D, bias: Tensor): Tensor3D {
  return scope.call("block", "", x, (input) => {
    const attended = scope.call("sublayer", "attention", input, (part) =>
      attention(scope.at("attention"), config, part, bias),
    );
    const middle = norm(scope, "sa_layer_norm", add(attended, input) as Tensor3D, EPSILON);
    const fed = scope.call("sublayer", "ffn", middle, (part) => feedForward(scope.at("ffn"), config, part));
    return norm(scope, "output_layer_norm", add(fed, middle) as Tensor3D, EPSILON);
  });
}

function attention(scope: Scope, config: DistilBertConfig, x: Tensor3D, bias: Tensor): Tensor3D {
  const heads = config.n_heads;
  const query = splitHeads(scope.linear("q_lin", x), heads);
  const key = splitHeads(scope.linear("k_lin", x), heads);
  const value = splitHeads(scope.linear("v_lin", x), heads);
  const input = { query, key, value, bias, scale: 1 / Math.sqrt(query.shape[3]), causal: false };
  const mixed = scope.attend("core", input, { dropout: config.attention_dropout });
  return scope.linear("out_lin", joinHeads(mixed)) as Tensor3D;
}

function feedForward(scope: Scope, config: DistilBertConfig, x: Tensor3D): Tensor3D {
  const names = { up: "lin1", act: "activation", down: "lin2" };
  const fed = scope.feedForward(x, { ...names, activate: activations[config.activation] });
  return drop(scope, fed, config.dropout);
}
