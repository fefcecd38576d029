/**
 * The encoder of BERT and of RoBERTa.
 *
 * Read `encode` first, then follow the calls down: embeddings, layers, attention, feed-forward. Every function gets a
 * `scope` that stands at its place in the checkpoint's tree of names; `scope.call` and `scope.linear` visit sites, where
 * hooks may step in. The two models differ in one function, `positionRows`; their heads are in `heads.ts`.
 *
 * Devlin et al. 2018, BERT, arXiv:1810.04805; Liu et al. 2019, RoBERTa, arXiv:1907.11692.
 */
import { ShapeError } from "@cambium/base";
import { dropout, type Flow, type Scope, scaledDotProductAttention } from "@cambium/core";
import {
  add,
  cast,
  concat,
  cumsum,
  gather,
  matMul,
  mul,
  notEqual,
  reshape,
  scalar,
  slice,
  softmax,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  transpose,
  zeros,
} from "@tensorflow/tfjs-core";
import { type EncoderConfig, firstPosition, maximumLength } from "./config.ts";
import { activations, drop, norm } from "./layers.ts";

/** What the encoder reads. */
export interface EncoderInput {
  /** Token ids, int32 `[batch, seq]`. */
  readonly ids: Tensor2D;
  /** 1 for real tokens, 0 for padding, float32 `[batch, seq]`. */
  readonly mask: Tensor2D;
  /** Segment of each token, int32 `[batch, seq]`. @default all in segment 0 */
  readonly types?: Tensor2D;
}

/** What the encoder makes of it. */
export interface Encoded {
  /** `[batch, extra + seq, dModel]`. */
  readonly hidden: Tensor3D;
  /** `[batch, extra + seq]`. */
  readonly mask: Tensor2D;
  /** Rows that hooks put in front of the words. */
  readonly extra: number;
}

type Embedded = Flow["embed"]["output"];

/** Added to the scores of masked keys: large enough that their probability is exactly 0, and finite. */
const MASKED = -1e9;

/** Embeddings and all layers. */
export function encode(scope: Scope, config: EncoderConfig, input: EncoderInput): Encoded {
  const { x, mask, extra } = embed(scope.at("embeddings"), config, input);
  const bias = reshape(mul(sub(scalar(1), mask), scalar(MASKED)), [mask.shape[0], 1, 1, mask.shape[1]]);
  let hidden = x;
  for (let i = 0; i < config.num_hidden_layers; i++) {
    hidden = layer(scope.at(`encoder.layer.${i}`), config, hidden, bias);
  }
  return { hidden, mask, extra };
}

/** Words, positions and segments, summed and normed. Hooks on the words may put rows in front of them. */
function embed(scope: Scope, config: EncoderConfig, { ids, mask, types }: EncoderInput): Embedded {
  const words = scope.call("embed", "word_embeddings", { ids, mask }, (input) => ({
    x: gather(scope.parameter("word_embeddings.weight"), input.ids) as Tensor3D, // [batch, seq, dModel]
    mask: input.mask,
    extra: 0,
    offset: 0,
  }));
  const located = add(words.x, positionRows(scope, config, ids, words));
  const x = add(located, typeRows(scope, words, types)) as Tensor3D;
  const normed = norm(scope, "LayerNorm", x, config.layer_norm_eps);
  return { ...words, x: drop(scope, normed, config.hidden_dropout_prob) };
}

/**
 * Rows of the position table, `[extra + seq, dModel]` or `[batch, seq, dModel]`.
 *
 * BERT counts rows from 0. RoBERTa counts from `pad_token_id + 1`: real tokens only, with padding left at the row
 * `pad_token_id`; but rows in front of the words have no ids to tell padding by, and then every row counts.
 */
function positionRows(scope: Scope, config: EncoderConfig, ids: Tensor2D, { x, extra, offset }: Embedded): Tensor {
  const table = scope.parameter("position_embeddings.weight");
  const rows = x.shape[1];
  if (offset + rows > maximumLength(config)) {
    throw new ShapeError({
      message: `forward: the model has positions for ${maximumLength(config)} rows, got ${rows}${offset > 0 ? ` behind ${offset}` : ""}; shorten the texts or the prompt`,
      rows,
      offset,
    });
  }
  const first = firstPosition(config) + offset;
  if (config.model_type === "bert" || extra > 0) return slice(table, [first, 0], [rows, -1]);
  const padding = scalar(config.pad_token_id, "int32");
  const real = cast(notEqual(ids, padding), "int32");
  const count = cumsum(real, 1); // 1 at the first real token
  const shifted = offset > 0 ? add(count, scalar(offset, "int32")) : count;
  return gather(table, add(mul(shifted, real), padding) as Tensor2D);
}

/** Rows of the segment table, `[1, dModel]` or `[batch, extra + seq, dModel]`. Rows in front belong to segment 0. */
function typeRows(scope: Scope, { x, extra }: Embedded, types?: Tensor2D): Tensor {
  const table = scope.parameter("token_type_embeddings.weight");
  if (types === undefined) return slice(table, [0, 0], [1, -1]);
  return gather(table, extra > 0 ? concat([zeros([x.shape[0], extra], "int32"), types], 1) : types);
}

/** One block: each of its two parts is added to what it read, then normed. `x` is `[batch, seq, dModel]`. */
function layer(scope: Scope, config: EncoderConfig, x: Tensor3D, bias: Tensor): Tensor3D {
  return scope.call("block", "", x, (input) => {
    const attended = scope.call("sublayer", "attention", input, (part) =>
      attention(scope.at("attention"), config, part, bias),
    );
    const middle = norm(scope, "attention.output.LayerNorm", add(input, attended) as Tensor3D, config.layer_norm_eps);
    const fed = scope.call("sublayer", "ff", middle, (part) => feedForward(scope, config, part));
    return norm(scope, "output.LayerNorm", add(middle, fed) as Tensor3D, config.layer_norm_eps);
  });
}

function attention(scope: Scope, config: EncoderConfig, x: Tensor3D, bias: Tensor): Tensor3D {
  const heads = config.num_attention_heads;
  const query = splitHeads(scope.linear("self.query", x), heads);
  const key = splitHeads(scope.linear("self.key", x), heads);
  const value = splitHeads(scope.linear("self.value", x), heads);
  const mixed = scope.call("attention", "self", { query, key, value, bias }, (input) =>
    attend(scope.at("self"), config.attention_probs_dropout_prob, input),
  );
  const out = scope.linear("output.dense", joinHeads(mixed)) as Tensor3D;
  return drop(scope, out, config.hidden_dropout_prob);
}

/** `softmax(query keyᵀ / √dHead + bias) value`: in one piece, unless a hook wants to see the probabilities. */
function attend(scope: Scope, rate: number, input: Flow["attention"]["input"]): Tensor4D {
  const random = scope.training && rate > 0 ? scope.random.at("dropout") : undefined;
  if (!scope.touched("pattern")) {
    return scaledDotProductAttention(random === undefined ? input : { ...input, dropout: { rate, random } });
  }
  const { query, key, value, bias } = input;
  const scores = mul(matMul(query, key, false, true), scalar(1 / Math.sqrt(query.shape[3])));
  const probabilities = softmax(bias === undefined ? scores : add(scores, bias)) as Tensor4D;
  const pattern = scope.call("pattern", "pattern", probabilities, (shown) => shown); // [batch, heads, query, key]
  return matMul(random === undefined ? pattern : dropout(pattern, rate, random), value);
}

/** `[batch, seq, heads · dHead]` to `[batch, heads, seq, dHead]`. */
function splitHeads(x: Tensor, heads: number): Tensor4D {
  const [batch, seq, width] = x.shape as [number, number, number];
  return transpose(reshape(x, [batch, seq, heads, width / heads]), [0, 2, 1, 3]) as Tensor4D;
}

/** `[batch, heads, seq, dHead]` to `[batch, seq, heads · dHead]`. */
function joinHeads(x: Tensor4D): Tensor3D {
  const [batch, heads, seq, dHead] = x.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, seq, heads * dHead]) as Tensor3D;
}

function feedForward(scope: Scope, config: EncoderConfig, x: Tensor3D): Tensor3D {
  const wide = scope.linear("intermediate.dense", x) as Tensor3D; // [batch, seq, dFf]
  const active = scope.call(
    "activation",
    "intermediate",
    wide,
    (input) => activations[config.hidden_act](input) as Tensor3D,
  );
  return drop(scope.at("output"), scope.linear("output.dense", active) as Tensor3D, config.hidden_dropout_prob);
}
