/**
 * The encoder of BERT and of RoBERTa.
 *
 * Read `encode` first, then follow the calls down: embeddings, layers, attention, feed-forward. Every function gets a
 * `scope` that stands at its place in the checkpoint's tree of names; its methods visit sites, where hooks may step in. The
 * two models differ in how they count positions; their heads are in `heads.ts`.
 *
 * Devlin et al. 2018, BERT, arXiv:1810.04805; Liu et al. 2019, RoBERTa, arXiv:1907.11692.
 */
import type { Flow, Scope } from "@cambium/core";
import {
  add,
  cast,
  concat,
  cumsum,
  gather,
  mul,
  notEqual,
  range,
  reshape,
  scalar,
  slice,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tanh,
  zeros,
} from "@tensorflow/tfjs-core";
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
import { firstRow } from "../../heads/rows.ts";
import { type BertConfig, firstPosition, maximumLength } from "./config.ts";

type Embedded = Flow["embed"]["output"];

/**
 * Embeddings, all layers, and the pooler where there is one. Where only the first row is read, the last layer computes only that
 * one, unless a hook there could tell.
 */
export function encode(scope: Scope, config: BertConfig, batch: TokenBatch, read?: "first"): Hidden {
  const { x, mask, positions, extra } = embed(scope.at("embeddings"), config, batch);
  const bias = paddingBias(mask);
  let hidden = x;
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const here = scope.at(`encoder.layer.${i}`);
    const isRead = i === config.num_hidden_layers - 1 && here.isByRow() ? read : undefined;
    hidden = layer(here, config, hidden, bias, isRead);
  }
  const pooled = scope.declares("linear", "pooler.dense")
    ? { pooled: tanh(scope.linear("pooler.dense", firstRow(hidden))) as Tensor2D }
    : {};
  return { hidden, mask, positions, extra, ...pooled };
}

/** Words, positions and segments, summed and normed. Hooks on the words may put rows in front of them. */
function embed(scope: Scope, config: BertConfig, { ids, mask, types }: TokenBatch): Embedded {
  const counted: Counted =
    config.model_type === "bert" ? { positions: rowPositions(ids.shape) } : countReal(config, ids);
  const words = embedWords(scope, "word_embeddings", { ids, mask, positions: counted.positions });
  checkLength(maximumLength(config), words.x.shape[1] + (words.offset ?? 0));
  const located = add(words.x, positionRows(scope, config, words, counted));
  const x = add(located, typeRows(scope, words, types)) as Tensor3D;
  const normed = norm(scope, "LayerNorm", x, config.layer_norm_eps);
  return { ...words, x: drop(scope, normed, config.hidden_dropout_prob) };
}

/** Positions of the words, and for models that leave padding out, which words are real. */
interface Counted {
  readonly positions: Tensor2D;
  readonly real?: Tensor2D;
}

/** 0, 1, 2, … for real tokens, told from padding by their ids. */
function countReal({ pad_token_id: padding }: BertConfig, ids: Tensor2D): Counted {
  const real = cast(notEqual(ids, scalar(padding, "int32")), "int32") as Tensor2D;
  return { positions: sub(cumsum(real, 1), scalar(1, "int32")) as Tensor2D, real };
}

/**
 * Rows of the position table, `[extra + seq, dModel]` or `[batch, extra + seq, dModel]`.
 *
 * BERT counts rows from 0. RoBERTa counts from `pad_token_id + 1`: real tokens only, with padding left at the row
 * `pad_token_id`; but rows in front of the words have no ids to tell padding by, and then every row counts.
 */
function positionRows(scope: Scope, config: BertConfig, { x, positions, extra }: Embedded, counted: Counted): Tensor {
  const table = scope.parameter("position_embeddings.weight");
  const rows = x.shape[1];
  const { real } = counted;
  if (real === undefined) {
    return positions === counted.positions ? slice(table, [0, 0], [rows, -1]) : gather(table, positions);
  }
  const first = scalar(firstPosition(config), "int32");
  if (extra > 0) {
    const inOrder = add(slice(positions, [0, 0], [-1, 1]), reshape(range(0, rows, 1, "int32"), [1, rows]));
    return gather(table, add(inOrder, first) as Tensor2D);
  }
  const padding = scalar(config.pad_token_id, "int32");
  return gather(table, add(mul(add(positions, scalar(1, "int32")), real), padding) as Tensor2D);
}

/** Rows of the segment table, `[1, dModel]` or `[batch, extra + seq, dModel]`. Rows in front belong to segment 0. */
function typeRows(scope: Scope, { x, extra }: Embedded, types?: Tensor2D): Tensor {
  const table = scope.parameter("token_type_embeddings.weight");
  if (types === undefined) return slice(table, [0, 0], [1, -1]);
  return gather(table, extra > 0 ? concat([zeros([x.shape[0], extra], "int32"), types], 1) : types);
}

/**
 * One block: each of its two parts is added to what it read, then normed. `x` is `[batch, seq, dModel]`, and so is the result, or
 * `[batch, 1, dModel]` where one row is read: it asks all rows, and nothing asks for the others.
 */
function layer(scope: Scope, config: BertConfig, x: Tensor3D, bias: Tensor, read?: "first"): Tensor3D {
  const readOf = (rows: Tensor3D): Tensor3D =>
    read === undefined ? rows : slice(rows, [0, 0, 0], [rows.shape[0], 1, rows.shape[2]]);
  return scope.call("block", "", x, (input) => {
    const attended = scope.call("sublayer", "attention", input, (part) =>
      attention(scope.at("attention"), config, { asking: readOf(part), asked: part }, bias),
    );
    const middle = norm(
      scope,
      "attention.output.LayerNorm",
      add(readOf(input), attended) as Tensor3D,
      config.layer_norm_eps,
    );
    const fed = scope.call("sublayer", "ff", middle, (part) => feedForward(scope, config, part));
    return norm(scope, "output.LayerNorm", add(middle, fed) as Tensor3D, config.layer_norm_eps);
  });
}

/** Of the rows that ask over those that are asked. */
function attention(
  scope: Scope,
  config: BertConfig,
  { asking, asked }: { readonly asking: Tensor3D; readonly asked: Tensor3D },
  bias: Tensor,
): Tensor3D {
  const heads = config.num_attention_heads;
  const query = splitHeads(scope.linear("self.query", asking), heads);
  const key = splitHeads(scope.linear("self.key", asked), heads);
  const value = splitHeads(scope.linear("self.value", asked), heads);
  const scale = 1 / Math.sqrt(query.shape[3]);
  const mixed = scope.attend(
    "self",
    { query, key, value, bias, scale, causal: false },
    { dropout: config.attention_probs_dropout_prob },
  );
  const out = scope.linear("output.dense", joinHeads(mixed)) as Tensor3D;
  return drop(scope, out, config.hidden_dropout_prob);
}

function feedForward(scope: Scope, config: BertConfig, x: Tensor3D): Tensor3D {
  const names = { up: "intermediate.dense", act: "intermediate", down: "output.dense" };
  const fed = scope.feedForward(x, { ...names, activate: activations[config.hidden_act] });
  return drop(scope.at("output"), fed, config.hidden_dropout_prob);
}
