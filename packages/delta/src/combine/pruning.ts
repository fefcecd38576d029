/** Ways to thin several tensors out and to add them up: what TIES, DARE and magnitude pruning are made of. Plain arrays, flat. */
import type { Random } from "@cambium/core";

/** Which sign wins where tensors disagree: that of their sum, or that of most of them. */
export type SignRule = "total" | "frequency";

/** Whether each entry stays. */
export type KeepMask = ArrayLike<number | boolean>;

/**
 * The largest `⌊density · size⌋` entries by magnitude, the others zero. Of equal ones the first stay.
 *
 * @param density - 0 to 1.
 */
export function keepLargest(values: Float64Array, density: number): Float64Array {
  if (density >= 1) return values;
  const count = Math.trunc(density * values.length);
  const order = Uint32Array.from(values, (_, i) => i).sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!));
  const kept = new Float64Array(values.length);
  for (const i of order.subarray(0, count)) kept[i] = values[i]!;
  return kept;
}

/** A random share of the entries, divided by it, so that the mean stays (Yu et al. 2023, arXiv:2311.03099). */
export function dropAtRandom(values: Float64Array, density: number, keep: KeepMask): Float64Array {
  if (density >= 1) return values;
  return values.map((value, i) => (keep[i] ? value / density : 0));
}

/** A mask of which each entry is true with a probability of `density`. */
export function drawMask(count: number, density: number, random: Random): KeepMask {
  return Array.from(random.uniforms(count), (value) => value < density);
}

/** `Σ w x` */
export function weightedSum(tensors: readonly Float64Array[], weights: readonly number[]): Float64Array {
  return tensors[0]!.map((_, i) => tensors.reduce((sum, tensor, t) => sum + weights[t]! * tensor[i]!, 0));
}

/**
 * The mean of those entries that have the winning sign, each times its weight (Yadav et al. 2023, arXiv:2306.01708, section 3). The
 * sign is chosen before weights count, and a tie is positive; both as in PEFT.
 */
export function agreeingMean(
  tensors: readonly Float64Array[],
  weights: readonly number[],
  rule: SignRule,
): Float64Array {
  return tensors[0]!.map((_, i) => {
    const votes = tensors.map((tensor) => (rule === "total" ? tensor[i]! : Math.sign(tensor[i]!)));
    const winner = votes.reduce((sum, vote) => sum + vote, 0) >= 0 ? 1 : -1;
    let [sum, count] = [0, 0];
    tensors.forEach((tensor, t) => {
      if (Math.sign(tensor[i]!) !== winner) return;
      sum += weights[t]! * tensor[i]!;
      count += 1;
    });
    return sum / Math.max(count, 1);
  });
}
