import { ConfigError, checkOptions, ShapeError } from "@cambium/base";

/** How `ndcg` reads a ranking. */
export interface NdcgOptions {
  /** Places that count, from the first. @default 10 */
  readonly at?: number;
}

/** `Σ gain_i / log2(i + 1)` over the first places, i from 1. */
function discounted(gains: readonly number[], at: number): number {
  return gains.slice(0, at).reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0);
}

/**
 * Normalised discounted cumulative gain of one ranking, from 0 to 1: its discounted gain over that of the best order.
 *
 * @param ranked - The gain of each result in the order of the ranking, 0 for what is not wanted.
 * @param wanted - The gains of all that is wanted, found or not, in any order.
 * @throws {ShapeError} When nothing is wanted, or a gain is negative or no number.
 * @throws {ConfigError} When `at` is no whole number from 1.
 * @see Järvelin and Kekäläinen 2002, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20 (4), with the discount from the
 *   second place on that trec_eval has.
 * @example
 * ndcg([0, 1, 0], [1]); // 0.63: the one thing that is wanted stands second
 */
export function ndcg(ranked: readonly number[], wanted: readonly number[], options: NdcgOptions = {}): number {
  checkOptions("ndcg", options, ["at"]);
  const { at = 10 } = options;
  if (!Number.isSafeInteger(at) || at < 1) {
    throw new ConfigError({ message: `ndcg: at must be a whole number from 1, got ${at}`, at });
  }
  const strange = [...ranked, ...wanted].find((gain) => !(gain >= 0 && gain < Number.POSITIVE_INFINITY));
  if (strange !== undefined) throw new ShapeError({ message: `ndcg: gains must be at least 0, got ${strange}` });
  const best = discounted(
    [...wanted].sort((a, b) => b - a),
    at,
  );
  if (best === 0) throw new ShapeError({ message: "ndcg: nothing is wanted, so that no order is better than another" });
  return discounted(ranked, at) / best;
}
