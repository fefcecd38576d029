import { ShapeError } from "@cambium/base";
import { checkPatterns } from "../rdm/measure-rdm.ts";

/** Patterns `[conditions][channels]` less the mean of each channel. */
function centreChannels(patterns: readonly ArrayLike<number>[]): Float64Array[] {
  const channels = patterns[0]!.length;
  const means = new Float64Array(channels);
  for (const pattern of patterns) for (let c = 0; c < channels; c++) means[c]! += pattern[c]! / patterns.length;
  return patterns.map((pattern) => Float64Array.from({ length: channels }, (_, c) => pattern[c]! - means[c]!));
}

/** Products of every two patterns. */
function gram(patterns: readonly Float64Array[]): number[][] {
  return patterns.map((a) => patterns.map((b) => a.reduce((sum, value, c) => sum + value * b[c]!, 0)));
}

function product(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  return a.reduce((sum, row, i) => sum + row.reduce((total, value, j) => total + value * b[i]![j]!, 0), 0);
}

/**
 * Linear centred kernel alignment of two sets of patterns, 0 to 1: `tr(K L) / √(tr(K K) tr(L L))` with `K = X Xᵀ`, `L = Y Yᵀ`
 * of centred channels. It is Escoufier's RV coefficient.
 *
 * @param x - `[conditions][channels]`. @param y - The same conditions; channels may be others.
 * @returns NaN where one of the two does not vary.
 * @throws {ShapeError} When the numbers of conditions differ, or those of a set's channels. @throws {ConfigError} For a value that is not finite.
 * @see Kornblith et al. 2019, Similarity of neural network representations revisited, arXiv:1905.00414, §3.
 */
export function linearCka(x: readonly ArrayLike<number>[], y: readonly ArrayLike<number>[]): number {
  if (x.length !== y.length || x.length < 2) {
    throw new ShapeError({
      message: `linearCka: both need the same two or more conditions, got ${x.length} and ${y.length}`,
    });
  }
  checkPatterns("linearCka", x);
  checkPatterns("linearCka", y);
  const [k, l] = [gram(centreChannels(x)), gram(centreChannels(y))];
  return product(k, l) / Math.sqrt(product(k, k) * product(l, l));
}
