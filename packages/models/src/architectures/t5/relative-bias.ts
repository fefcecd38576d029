/** T5's positions: a bias on every score, by the distance of key and query in buckets that grow with it. */
import type { Scope } from "@cambium/core";
import { gather, reshape, type Tensor2D, type Tensor4D, tensor2d, transpose } from "@tensorflow/tfjs-core";
import type { T5Config } from "./config.ts";

/**
 * The bucket of a key at `distance` behind (negative) or ahead of the query, from 0.
 *
 * Half of the buckets (of those on one side) are single distances, the others grow as logarithms up to the greatest distance.
 * Rounded as float32, as the released models were trained.
 *
 * @see Raffel et al. 2020, arXiv:1910.10683, section 2.1.
 */
export function bucketOf(distance: number, isBidirectional: boolean, buckets: number, maxDistance: number): number {
  const count = isBidirectional ? Math.floor(buckets / 2) : buckets;
  const offset = isBidirectional && distance > 0 ? count : 0;
  const far = isBidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(count / 2);
  if (far < exact) return offset + far;
  const { fround } = Math;
  const ratio = fround(fround(Math.log(fround(far / exact))) / fround(Math.log(maxDistance / exact)));
  return offset + Math.min(count - 1, exact + Math.trunc(fround(ratio * (count - exact))));
}

/**
 * The bias of a stack's attention, `[1, heads, queries, keys]`, from the table of its first block.
 *
 * @param scope - At the stack.
 * @param queries - Positions of the queries.
 * @param keys - Positions of the keys.
 */
export function relativeBias(
  scope: Scope,
  config: T5Config,
  isBidirectional: boolean,
  queries: readonly number[],
  keys: readonly number[],
): Tensor4D {
  const { relative_attention_num_buckets: buckets, relative_attention_max_distance: maxDistance } = config;
  const table = scope.parameter("block.0.layer.0.SelfAttention.relative_attention_bias.weight") as Tensor2D; // [buckets, heads]
  const indices = queries.flatMap((query) =>
    keys.map((key) => bucketOf(key - query, isBidirectional, buckets, maxDistance)),
  );
  const rows = gather(table, tensor2d(Int32Array.from(indices), [queries.length, keys.length], "int32")); // [queries, keys, heads]
  const bias = transpose(rows, [2, 0, 1]);
  return reshape(bias, [1, -1, queries.length, keys.length]) as Tensor4D;
}
