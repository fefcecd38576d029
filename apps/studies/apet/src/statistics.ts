/** Numbers from several runs, for claims that no difference of means states. */
import type { FinishedRun, Statistic } from "@cambium/experiments";
import { TOLERANCE } from "./plan.ts";

/** One run's result with its cell. */
interface Point {
  readonly cell: FinishedRun["cell"];
  readonly accuracy: number;
  readonly majority: number;
  readonly measured: number;
}

const pointsOf = (runs: readonly FinishedRun[]): Point[] =>
  runs.map(({ cell, result }) => ({
    cell,
    accuracy: result["accuracy"] as number,
    majority: result["majority"] as number,
    measured: result["measured"] as number,
  }));

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

/** Points by the levels of a factor, in the order in which they come. */
function by(points: readonly Point[], factor: string): Map<string, Point[]> {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const level = String(point.cell[factor]);
    groups.set(level, [...(groups.get(level) ?? []), point]);
  }
  return groups;
}

const accuracyOf = (points: readonly Point[]): number => meanOf(points.map(({ accuracy }) => accuracy));

/** A number of one model, of `small` less of `large`. */
function fall(small: string, large: string, ofModel: (points: readonly Point[]) => number): Statistic["compute"] {
  return (runs) => {
    const models = by(pointsOf(runs), "model");
    return ofModel(models.get(small)!) - ofModel(models.get(large)!);
  };
}

/** How far the means of the designed methods lie apart, as their standard deviation: on the small model less on the large one. */
export const spreadOfMethods = (small: string, large: string): Statistic => ({
  version: `spread of methods, ${small} less ${large}, 1`,
  compute: fall(small, large, (points) => deviationOf([...by(points, "method").values()].map(accuracyOf))),
});

/** Distance between the designed methods and as many scalars elsewhere, both as means over the seeds: small less large. */
export const gap = (small: string, large: string): Statistic => ({
  version: `gap, ${small} less ${large}, 1`,
  compute: fall(small, large, (points) =>
    meanOf(
      [...by(points, "method").values()].map((own) => {
        const positions = by(own, "position");
        const designed = accuracyOf(positions.get("designed")!);
        const others = [...positions].filter(([position]) => position !== "designed");
        return meanOf(others.map(([, found]) => Math.abs(accuracyOf(found) - designed)));
      }),
    ),
  ),
});

/** Standard deviation over the seeds, mean over methods and positions: small less large. */
export const seedSpread = (small: string, large: string): Statistic => ({
  version: `deviation over seeds, ${small} less ${large}, 1`,
  compute: fall(small, large, (points) =>
    meanOf(
      [...by(points, "method").values()]
        .flatMap((own) => [...by(own, "position").values()])
        .map((repeats) => deviationOf(repeats.map(({ accuracy }) => accuracy))),
    ),
  ),
});

const isBetterThanGuess = ({ accuracy, majority, measured }: Point): boolean =>
  accuracy > majority + 1.96 * Math.sqrt((majority * (100 - majority)) / measured);

/** The least count of a sweep that passes; all weights where none does. */
function least(points: readonly Point[], passes: (point: Point) => boolean): number {
  const counts = points.map(({ cell }) => Number(cell["count"]));
  return Math.min(Math.max(...counts), ...counts.filter((_, i) => passes(points[i]!)));
}

/** Least count that is better than the most frequent class, beyond 95 % of a binomial. */
const lowOf = (points: readonly Point[]): number => least(points, isBetterThanGuess);

/** Least count within a point of all weights. */
function highOf(points: readonly Point[]): number {
  const full = accuracyOf(points.filter(({ cell }) => cell["place"] === "full"));
  return least(points, ({ accuracy }) => accuracy >= full - TOLERANCE);
}

/** Decimal logarithm of a threshold: on the small model less on the large one. */
export const thresholdFall = (kind: "low" | "high", small: string, large: string): Statistic => ({
  version: `log10 of ${kind} threshold, ${small} less ${large}, 1`,
  compute: fall(small, large, (points) => Math.log10((kind === "low" ? lowOf : highOf)(points))),
});

/** How far apart the low thresholds of the tasks lie, in decimal logarithms. */
export const lowOverTasks: Statistic = {
  version: "range of log10 of low threshold over tasks, 1",
  compute(runs) {
    const lows = [...by(pointsOf(runs), "task").values()].map((points) => Math.log10(lowOf(points)));
    return Math.max(...lows) - Math.min(...lows);
  },
};

/** Decimal logarithm of the low threshold of random weights, less of pretrained ones. */
export const lowOfRandom: Statistic = {
  version: "log10 of low threshold, random less pretrained, 1",
  compute(runs) {
    const weights = by(pointsOf(runs), "weights");
    return Math.log10(lowOf(weights.get("random")!)) - Math.log10(lowOf(weights.get("pretrained")!));
  },
};

/** Both thresholds of each sweep of finished runs. */
export function thresholds(runs: readonly FinishedRun[]): { readonly low: number; readonly high: number } {
  const points = pointsOf(runs);
  return { low: lowOf(points), high: highOf(points) };
}
