/** Intervals of what a curve says, by drawing the units of the data again: the same draw at every point of the curve. */
import type { Random } from "@cambium/core";
import type { Measurement } from "../evaluate/evaluator.ts";
import { type BarrierSummary, summariseCurve } from "./summary.ts";

/** Ends of an interval. */
export type Interval = readonly [low: number, high: number];

/** An interval for each number of a summary. */
export type BarrierIntervals = { readonly [Key in keyof BarrierSummary]: Interval };

/**
 * Percentile intervals (Efron 1979) over resamples of the units that count. A maximum over points is a little too large on average, and more so
 * with fewer rows: a barrier whose interval touches 0 says nothing.
 *
 * `O(resamples · points · units)`.
 *
 * @param points - In the order of t, of the same data.
 * @param share - Of resamples within the interval, above 0 to below 1.
 */
export function bootstrapCurve(
  ts: readonly number[],
  points: readonly Measurement[],
  { resamples, share, random }: { readonly resamples: number; readonly share: number; readonly random: Random },
): BarrierIntervals {
  const { weights } = points[0]!;
  const units = weights.length;
  const counted = Array.from(weights.keys()).filter((unit) => weights[unit]! > 0);
  const hasScores = points.every(({ values }) => values["correct"] !== undefined);
  const drawn = new Map<keyof BarrierSummary, Float64Array>();
  for (let b = 0; b < resamples; b++) {
    const counts = new Float64Array(units);
    for (const place of random.at(b).integers(counted.length, counted.length)) {
      const unit = counted[place]!;
      counts[unit]! += weights[unit]!;
    }
    const total = counts.reduce((sum, count) => sum + count, 0);
    const meanOf = (list: Float32Array): number => {
      let sum = 0;
      for (let i = 0; i < units; i++) sum += counts[i]! * list[i]!;
      return sum / total;
    };
    const losses = points.map(({ values }) => meanOf(values["loss"]!));
    const scores = hasScores ? points.map(({ values }) => meanOf(values["correct"]!)) : undefined;
    for (const [name, value] of Object.entries(summariseCurve(ts, losses, scores)) as [
      keyof BarrierSummary,
      number,
    ][]) {
      const list = drawn.get(name) ?? new Float64Array(resamples);
      drawn.set(name, list);
      list[b] = value;
    }
  }
  const tail = (1 - share) / 2;
  return Object.fromEntries(
    [...drawn].map(([name, list]) => {
      const sorted = list.sort();
      return [name, [quantile(sorted, tail), quantile(sorted, 1 - tail)] as const];
    }),
  ) as BarrierIntervals;
}

/** Between sorted values, straight from each to the next. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (place - Math.floor(place)) * (above - below);
}
