/** Uniform choices of integers, in integer arithmetic alone: equal on every backend and machine. */
import type { Random } from "@cambium/core";

/** Numbers of one draw: above it, positions are drawn in two parts. */
const WORD = 2 ** 32;

/** Width of the lower part, so that few of the positions lie beyond the last one. */
const LOWER = 2 ** 26;

/**
 * `count` different integers of 0 … `total` − 1 in ascending order, every such set with equal probability.
 *
 * They are the first different ones of a stream of uniform integers; above a half of the total, those that are left out are
 * drawn. `O(count · log count)` time and `O(min(count, total − count) + count)` memory, whatever the total.
 *
 * @param count - At most `total`.
 * @param total - At most 2^53.
 */
export function drawDistinct(count: number, total: number, random: Random): Float64Array {
  if (2 * count > total) return complement(drawDistinct(total - count, total, random.at("left out")), total);
  let found = new Float64Array(0);
  for (let round = 0; found.length < count; round++) {
    found = union(found, drawUniform(count - found.length, total, random.at(round)).sort());
  }
  return found;
}

/** At most `count` integers of 0 … `total` − 1, uniform and independent. */
function drawUniform(count: number, total: number, random: Random): Float64Array {
  if (total <= WORD) return Float64Array.from(random.integers(count, total));
  const upper = random.at("upper").integers(count, Math.ceil(total / LOWER));
  const lower = random.at("lower").integers(count, LOWER);
  const drawn = Float64Array.from(upper, (part, i) => part * LOWER + lower[i]!);
  return drawn.every((position) => position < total) ? drawn : drawn.filter((position) => position < total);
}

/** The different numbers of two ascending lists, of which the first has each once. */
function union(a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  const merged = new Float64Array(a.length + b.length);
  let size = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const next = j >= b.length || (i < a.length && a[i]! <= b[j]!) ? a[i++]! : b[j++]!;
    if (size === 0 || merged[size - 1] !== next) merged[size++] = next;
  }
  return size === merged.length ? merged : merged.slice(0, size);
}

/** The integers of 0 … `total` − 1 that an ascending list does not have. */
function complement(left: Float64Array, total: number): Float64Array {
  const kept = new Float64Array(total - left.length);
  for (let position = 0, next = 0, size = 0; position < total; position++) {
    if (left[next] === position) next++;
    else kept[size++] = position;
  }
  return kept;
}
