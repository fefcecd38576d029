/** Where a request is taken apart into its needs. */
const BETWEEN_NEEDS = /(?<=[.!?;])\s+|\s+and also\s+|,\s+and\s+|\s+as well as\s+/;

/** Needs of a request that are looked at. */
const MOST_NEEDS = 20;

/** The needs of a request: its sentences, and what is joined by "and also" and the like. */
export function needsOf(query: string): readonly string[] {
  return query
    .split(BETWEEN_NEEDS)
    .filter((need) => need.trim() !== "")
    .slice(0, MOST_NEEDS);
}

/** For each tool the higher of two scores, in the first list. */
export function keepHigher(best: Float64Array, other: Float64Array): void {
  for (let i = 0; i < best.length; i++) if (other[i]! > best[i]!) best[i] = other[i]!;
}
