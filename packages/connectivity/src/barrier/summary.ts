/** What a curve of losses says: barriers under the names that papers give them. */

/** Numbers of a curve of losses and, where there are scores, of these. Losses in nats, scores from 0 to 1. */
export interface BarrierSummary {
  /** `max_t L(t) − (L(0) + L(1)) / 2`, never negative (Frankle et al. 2020, arXiv:1912.05671, section 2). */
  readonly barrier: number;
  /** `max_t L(t) − ((1 − t) L(0) + t L(1))`, never negative (Entezari et al. 2022, arXiv:2110.06296, definition 1). */
  readonly barrierLinear: number;
  /** `max_t L(t) − max(L(0), L(1))`, never negative. */
  readonly barrierMax: number;
  /** Largest `barrierLinear` of any part of the curve between two of its points (Juneja et al. 2023, arXiv:2205.12411). */
  readonly convexityGap: number;
  /** `min(S(0), S(1)) − min_t S(t)`, never negative. */
  readonly scoreDrop?: number;
  /** `max_t ((1 − t) S(0) + t S(1)) − S(t)`, never negative. */
  readonly chordDrop?: number;
}

/** The largest of `values(t) − chord(t)`, the chord being straight between two of the points. */
function overChord(ts: readonly number[], values: ArrayLike<number>, from: number, to: number): number {
  let most = 0;
  for (let i = from + 1; i < to; i++) {
    const share = (ts[i]! - ts[from]!) / (ts[to]! - ts[from]!);
    most = Math.max(most, values[i]! - (values[from]! + share * (values[to]! - values[from]!)));
  }
  return most;
}

/**
 * The numbers of a curve.
 *
 * @param ts - Values of t, rising.
 * @param losses - One for each.
 * @param scores - One for each, where there are scores.
 */
export function summariseCurve(
  ts: readonly number[],
  losses: ArrayLike<number>,
  scores?: ArrayLike<number>,
): BarrierSummary {
  const last = ts.length - 1;
  const highest = Math.max(...Array.from(losses));
  const [start, end] = [losses[0]!, losses[last]!];
  let gap = 0;
  for (let i = 0; i < last - 1; i++)
    for (let j = i + 2; j <= last; j++) gap = Math.max(gap, overChord(ts, losses, i, j));
  const negative = scores === undefined ? undefined : Array.from(scores, (score) => -score);
  return {
    barrier: highest - (start + end) / 2,
    barrierLinear: overChord(ts, losses, 0, last),
    barrierMax: highest - Math.max(start, end),
    convexityGap: gap,
    ...(scores !== undefined && {
      scoreDrop: Math.min(scores[0]!, scores[last]!) - Math.min(...Array.from(scores)),
      chordDrop: overChord(ts, negative!, 0, last),
    }),
  };
}
