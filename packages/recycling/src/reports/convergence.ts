/** How fast runs get where training from scratch gets. */
import { ConfigError } from "@cambium/base";

/** Scores of a run on the way, the first before any step. */
export interface LearningCurve {
  readonly name: string;
  /** In the order of the steps. */
  readonly points: readonly { readonly step: number; readonly score: number }[];
}

/** How fast a run was. */
export interface Convergence {
  readonly name: string;
  /** The highest score, and where it was first reached. */
  readonly best: { readonly step: number; readonly score: number };
  /** The first step at which 90, 95 and 99 % of the best score of the reference are reached; undefined where it never is. */
  readonly stepsTo: Readonly<Record<"90" | "95" | "99", number | undefined>>;
  /** The mean of the curve over the steps, which joins scores by straight lines. */
  readonly area: number;
  /** Score after 1, 5, 10, 25 and 100 % of the steps, on the lines between those that were measured. */
  readonly scoreAt: Readonly<Record<"1" | "5" | "10" | "25" | "100", number>>;
}

/**
 * Compares learning curves with that of training from scratch. Scores are those of which more is better, such as accuracy, and above 0 at
 * the best of the reference: of others shares mean nothing.
 *
 * @param curves - Of runs of as many steps each.
 * @param reference - The name of the one whose best score is to be reached.
 * @throws {ConfigError} When there is no such curve, a curve has no points, its steps do not rise, or the best of the reference is not above 0.
 */
export function convergenceReport(curves: readonly LearningCurve[], reference: string): readonly Convergence[] {
  for (const { name, points } of curves) {
    if (points.length === 0) throw new ConfigError({ message: `convergenceReport: "${name}" has no points` });
    const wrong = points.findIndex(
      ({ step, score }, i) => !Number.isFinite(score) || step <= (points[i - 1]?.step ?? -1),
    );
    if (wrong >= 0)
      throw new ConfigError({
        message: `convergenceReport: point ${wrong} of "${name}" does not come after the one before, or has no score`,
      });
  }
  const target = curves.find(({ name }) => name === reference);
  if (target === undefined)
    throw new ConfigError({
      message: `convergenceReport: there is no curve "${reference}"; there are ${curves.map(({ name }) => name).join(", ") || "none"}`,
    });
  const goal = bestOf(target).score;
  if (!(goal > 0))
    throw new ConfigError({
      message: `convergenceReport: "${reference}" reaches ${goal} at best, of which shares mean nothing; give scores that are above 0, such as accuracies`,
    });
  return curves.map((curve) => ({
    name: curve.name,
    best: bestOf(curve),
    stepsTo: {
      "90": stepsTo(curve, 0.9 * goal),
      "95": stepsTo(curve, 0.95 * goal),
      "99": stepsTo(curve, 0.99 * goal),
    },
    area: areaOf(curve),
    scoreAt: {
      "1": scoreAt(curve, 0.01),
      "5": scoreAt(curve, 0.05),
      "10": scoreAt(curve, 0.1),
      "25": scoreAt(curve, 0.25),
      "100": scoreAt(curve, 1),
    },
  }));
}

const bestOf = ({ points }: LearningCurve): Convergence["best"] =>
  points.reduce((best, point) => (point.score > best.score ? point : best));

const stepsTo = ({ points }: LearningCurve, goal: number): number | undefined =>
  points.find(({ score }) => score >= goal)?.step;

function areaOf({ points }: LearningCurve): number {
  const [first, last] = [points[0]!, points.at(-1)!];
  if (points.length === 1) return first.score;
  let area = 0;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    area += ((a.score + b.score) / 2) * (b.step - a.step);
  }
  return area / (last.step - first.step);
}

function scoreAt({ points }: LearningCurve, share: number): number {
  const step = share * points.at(-1)!.step;
  const after = points.findIndex((point) => point.step >= step);
  const b = points[after]!;
  const a = points[after - 1];
  if (a === undefined) return b.score;
  return a.score + ((step - a.step) / (b.step - a.step)) * (b.score - a.score);
}
