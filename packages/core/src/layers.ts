/** What the sites that architectures share compute: linear layers, attention, the feed-forward part. */
import {
  add,
  concat,
  matMul,
  mul,
  reshape,
  scalar,
  slice,
  softmax,
  split,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tensor2d,
  tile,
  transpose,
} from "@tensorflow/tfjs-core";
import { blockLinear } from "./block-linear.ts";
import { editedProduct } from "./edited-weight.ts";
import { gatedSilu, silu } from "./ops/activation.ts";
import { scaledDotProductAttention } from "./ops/attention.ts";
import { dropout } from "./ops/dropout.ts";
import { sharedProduct } from "./ops/shared-product.ts";
import { quantisedLinear } from "./quantised-linear.ts";
import { isBlockMatrix, matrixOf } from "./quantised-weight.ts";
import type { RowsBefore, Scope } from "./scope.ts";
import type { Flow, SiteWeight } from "./site.ts";

/**
 * Added to the scores of keys that are not to be seen: large enough that their probability is exactly 0, and finite, so that
 * a query without any key has no NaN.
 */
export const MASKED = -1e9;

/** `x W^T + b` over the last axis, `x` `[..., in]`, `weight` `[out, in]`, `bias` `[out]`; by codes where the weight is in 8 or 4 bits. */
export function applyLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return applyWeight(x, weight, "out,in", bias);
}

/** The same for a weight of either layout. */
export function applyWeight(x: Tensor, weight: Tensor, layout: SiteWeight["layout"], bias?: Tensor): Tensor {
  const matrix = matrixOf(weight);
  if (matrix !== undefined) {
    return isBlockMatrix(matrix) ? blockLinear(x, weight, matrix, bias) : quantisedLinear(x, weight, matrix, bias);
  }
  const isTurned = layout === "out,in";
  const [rows, columns] = weight.shape as [number, number];
  const [out, width] = isTurned ? [rows, columns] : [columns, rows];
  const flat = reshape(x, [-1, width]) as Tensor2D;
  const product = editedProduct(flat, weight, isTurned) ?? matMul(flat, weight as Tensor2D, false, isTurned);
  return reshape(bias === undefined ? product : add(product, bias), [...x.shape.slice(0, -1), out]);
}

/** A half-open range of the last axis. */
export function columnsOf(x: Tensor, [from, to]: readonly [from: number, to: number]): Tensor {
  const rows = x.shape.slice(0, -1);
  return slice(x, [...rows.map(() => 0), from], [...rows, to - from]);
}

/** Settings of `scope.attend`. */
export interface AttendOptions {
  /** Dropout of the probabilities while training, 0 to below 1. @default 0 */
  readonly dropout?: number;
}

/** The mask of causal attention, `[1, 1, queries, keys]`, where some of the last keys are hidden from some queries. */
function causalBias(queries: number, keys: number): Tensor | undefined {
  if (queries === 1) return undefined;
  const seen = keys - queries; // by the first query, besides its own key
  const values = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) values.fill(MASKED, i * keys + seen + i + 1, (i + 1) * keys);
  return reshape(tensor2d(values, [queries, keys]), [1, 1, queries, keys]);
}

/** Every head several times in a row: `[batch, heads, keys, dHead]` to `[batch, heads · times, keys, dHead]`. */
function repeatHeads(x: Tensor4D, times: number): Tensor4D {
  if (times === 1) return x;
  const [batch, heads, keys, dHead] = x.shape;
  const rows = reshape(x, [batch * heads, 1, keys * dHead]); // `tile` has gradients up to rank 4
  return reshape(tile(rows, [1, times, 1]), [batch, heads * times, keys, dHead]) as Tensor4D;
}

/**
 * Attention over rows before and new ones, without putting them together: only scores are. Heads that share a key are an axis of
 * their own, so that no key is copied either, and one query is a vector, for which there are faster products.
 */
function attendBehind(
  { query, key, value, scale }: Flow["attention"]["input"],
  past: RowsBefore,
  bias: Tensor | undefined,
): Tensor4D {
  const [batch, heads, rows, dHead] = query.shape;
  const [keyHeads, now] = [key.shape[1], key.shape[2]];
  const groups = batch * keyHeads;
  const ofGroups = (x: Tensor4D): Tensor4D => reshape(x, [groups, 1, now, dHead]);
  const asked: Tensor4D = reshape(mul(query, scalar(scale)), [groups, heads / keyHeads, rows, dHead]);
  const scores = concat([sharedProduct(asked, past.columns), sharedProduct(asked, ofGroups(key), true)], 3);
  const pattern = softmax(bias === undefined ? scores : add(scores, biasOfGroups(bias, keyHeads))) as Tensor4D;
  const [ofPast, ofNow] = split(pattern, [past.rows.shape[2], now], 3) as [Tensor4D, Tensor4D];
  const mixed: Tensor4D = add(sharedProduct(ofPast, past.rows), sharedProduct(ofNow, ofGroups(value)));
  return reshape(mixed, [batch, heads, rows, dHead]);
}

/** A bias `[batch, heads or 1, rows, keys]` for heads in groups, `[batch · keyHeads, heads of a group or 1, rows, keys]`. */
function biasOfGroups(bias: Tensor, keyHeads: number): Tensor {
  const [batch, heads, rows, keys] = bias.shape as [number, number, number, number];
  if (heads > 1) return reshape(bias, [batch * keyHeads, heads / keyHeads, rows, keys]);
  return batch === 1 ? bias : reshape(tile(bias, [1, keyHeads, 1, 1]), [batch * keyHeads, 1, rows, keys]);
}

/** Keys `[batch, heads, rows, dHead]` before new ones of that shape. */
function keysOf({ columns }: RowsBefore, { shape: [batch, heads, , dHead] }: Tensor4D): Tensor4D {
  return transpose(reshape(columns, [batch, heads, dHead, columns.shape[3]]), [0, 1, 3, 2]);
}

/**
 * Attention at the place of `scope`: `softmax(scale · query keyᵀ + bias) value`, over the cache's rows and the new ones.
 *
 * @param inPieces - Whether a hook wants to see the probabilities.
 * @returns `[batch, heads, seq, dHead]`.
 */
export function applyAttention(
  scope: Scope,
  { query, key: newKey, value: newValue, bias, scale, causal }: Flow["attention"]["input"],
  inPieces: boolean,
  { dropout: rate = 0 }: AttendOptions = {},
): Tensor4D {
  const cache = causal ? scope.cache : undefined; // what is not causal may see rows that are yet to come
  const before = cache?.before(scope.path);
  cache?.record(scope.path, newKey, newValue);
  const keys = newKey.shape[2] + (before?.rows.shape[2] ?? 0);
  const hidden = causal ? causalBias(query.shape[2], keys) : undefined;
  const added = bias === undefined || hidden === undefined ? (bias ?? hidden) : add(bias, hidden);
  const random = scope.training && rate > 0 ? scope.random.at("dropout") : undefined;
  if (before !== undefined && !inPieces && random === undefined) {
    return attendBehind({ query, key: newKey, value: newValue, scale, causal }, before, added);
  }
  const whole = (past: Tensor4D | undefined, rows: Tensor4D): Tensor4D =>
    repeatHeads(past === undefined ? rows : concat([past, rows], 2), query.shape[1] / rows.shape[1]);
  const valuesBefore = before && reshape(before.rows, [newValue.shape[0], newValue.shape[1], -1, newValue.shape[3]]);
  const [key, value] = [whole(before && keysOf(before, newKey), newKey), whole(valuesBefore as Tensor4D, newValue)];
  if (!inPieces) {
    return scaledDotProductAttention({
      query,
      key,
      value,
      scale,
      ...(added !== undefined && { bias: added }),
      ...(random !== undefined && { dropout: { rate, random } }),
    });
  }
  const scores = mul(matMul(query, key, false, true), scalar(scale));
  const probabilities = softmax(added === undefined ? scores : add(scores, added)) as Tensor4D;
  const pattern = scope.call("pattern", "pattern", probabilities, (shown) => shown); // [batch, heads, query, key]
  return matMul(random === undefined ? pattern : dropout(pattern, rate, random), value);
}

/** A feed-forward part: names of its sites, and what is between them. */
export interface FeedForward {
  /** Linear, dModel to dFf. */
  readonly up: string;
  /** Linear, dModel to dFf: where there is one, its activation is multiplied by what `up` gives. */
  readonly gate?: string;
  /** The activation's site: from what `gate` gives, or `up` where there is no gate, to what `down` reads. */
  readonly act: string;
  /** Linear, dFf to dModel. */
  readonly down: string;
  /** The activation, of what `gate` gives, or `up` where there is no gate. */
  readonly activate: (x: Tensor) => Tensor;
  /** Dropout of what `down` reads, while training. @default 0 */
  readonly dropout?: number;
}

/** `down(activate(up(x)))`, or `down(activate(gate(x)) ⊙ up(x))`. `x` and the result are `[batch, seq, dModel]`. */
export function feedForward(scope: Scope, x: Tensor3D, part: FeedForward): Tensor3D {
  const { up, gate, act, down, activate, dropout: rate = 0 } = part;
  const gated = gate === undefined ? undefined : (scope.linear(gate, x) as Tensor3D);
  const wide = scope.linear(up, x) as Tensor3D; // [batch, seq, dFf]
  const active = scope.call("activation", act, gated ?? wide, (input) => {
    if (gated === undefined) return activate(input) as Tensor3D;
    return activate === silu ? gatedSilu(input, wide) : (mul(activate(input), wide) as Tensor3D);
  });
  const dropped = scope.training && rate > 0 ? dropout(active, rate, scope.at(act).random.at("dropout")) : active;
  return scope.linear(down, dropped) as Tensor3D;
}
