/** How a model's answers change along a path, beside its loss. */
import { ConfigError } from "@cambium/base";
import type { Measurement } from "../evaluate/evaluator.ts";
import type { PathMeasurement } from "./run-path.ts";

/** Answers at one point of a path. */
export interface Answers {
  readonly t: number;
  /** Share of rows with the guess of the start, 0 to 1. */
  readonly likeStart: number;
  /** Share of rows with the guess of the end, 0 to 1. */
  readonly likeEnd: number;
  /** Expected calibration error over ten bins of confidence, 0 to 1 (Guo et al. 2017, arXiv:1706.04599, section 2). */
  readonly calibrationError: number;
}

const BINS = 10;

function calibrationError({ values, weights }: Measurement): number {
  const [confidence, correct] = [values["confidence"]!, values["correct"]!];
  const bins = Array.from({ length: BINS }, () => ({ gap: 0 }));
  for (const [i, share] of confidence.entries()) {
    const bin = bins[Math.min(BINS - 1, Math.floor(share * BINS))]!;
    bin.gap += weights[i]! * (correct[i]! - share);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return bins.reduce((sum, { gap }) => sum + Math.abs(gap), 0) / total;
}

/**
 * Agreement with both ends and calibration at every point of a measured path.
 *
 * @throws {ConfigError} When it was measured without guesses, their probabilities, or whether they are right.
 */
export function measureAnswers({ points }: Pick<PathMeasurement, "points">): readonly Answers[] {
  const guesses = points.map(({ values }) => values["guess"]);
  if (["guess", "confidence", "correct"].some((name) => points.some(({ values }) => values[name] === undefined)))
    throw new ConfigError({
      message: 'measureAnswers: the path must be measured with "guess", "confidence" and "correct"',
    });
  const like = (k: number, end: number): number => {
    const same = guesses[k]!.filter((guess, i) => guess === guesses[end]![i]).length;
    return same / guesses[k]!.length;
  };
  return points.map((point, k) => ({
    t: point.t,
    likeStart: like(k, 0),
    likeEnd: like(k, points.length - 1),
    calibrationError: calibrationError(point),
  }));
}

/**
 * What each row adds to the barrier at the point where the loss is highest above the chord: these add up to `barrierLinear` times the
 * weight of all rows.
 */
export function attributeBarrier({ points, ts }: Pick<PathMeasurement, "points" | "ts">): {
  readonly t: number;
  readonly rows: Float64Array;
} {
  const [from, to] = [ts[0]!, ts.at(-1)!];
  const rises = points.map(({ t, values, weights }) => {
    const share = (t - from) / (to - from);
    const [a, b] = [points[0]!.values["loss"]!, points.at(-1)!.values["loss"]!];
    return Float64Array.from(values["loss"]!, (loss, i) => weights[i]! * (loss - (a[i]! + share * (b[i]! - a[i]!))));
  });
  const totals = rises.map((list) => list.reduce((sum, value) => sum + value, 0));
  const k = totals.indexOf(Math.max(...totals));
  return { t: ts[k]!, rows: rises[k]! };
}
