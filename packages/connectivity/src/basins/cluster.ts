/** Which of many models lie in one basin. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Objective } from "@cambium/core";
import { disposeParameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { summariseCurve } from "../barrier/summary.ts";
import { openEvaluator } from "../evaluate/evaluator.ts";
import type { Measure } from "../evaluate/measure.ts";
import { evenly, line } from "../points/path.ts";
import { alike, type PointLike } from "../points/point.ts";

/** Settings of `runBarriers`. */
export interface RunBarriersOptions<Batch> {
  /** Points of each line, at least 3, both ends among them. @default 11 */
  readonly points?: number;
  /** What is measured of a batch. @default that of `createEvaluator` */
  readonly measure?: Measure<Batch>;
  /** Stops between lines. */
  readonly signal?: AbortSignal;
}

/** What happens while barriers between all pairs are measured. */
export type BarriersEvent =
  | {
      readonly type: "pair";
      readonly from: number;
      readonly to: number;
      readonly gap: number;
      readonly done: number;
      readonly total: number;
    }
  | {
      readonly type: "end";
      /** Convexity gaps in nats, `[models][models]`, symmetric, with zeros on the diagonal. */
      readonly gaps: readonly (readonly number[])[];
      /** Mean loss of each model, in nats. */
      readonly losses: readonly number[];
    }
  | { readonly type: "stopped"; readonly done: number; readonly total: number };

/**
 * The convexity gap of the line between every two points: the largest linear barrier of any part of it. `O(models² · points)` passes
 * over the data; ends are measured once.
 *
 * @throws {ConfigError} For options out of range, and fewer than two points.
 * @throws {ShapeError} When the points are not of this objective's parameters; lists all.
 * @see Juneja et al. 2023, Linear Connectivity Reveals Generalization Strategies, arXiv:2205.12411, section 4.
 * @example
 * const { gaps } = await result(runBarriers(tuned, models, data));
 * const { clusters } = clusterBasins(gaps, { most: 0.05 });
 */
export async function* runBarriers<Batch>(
  objective: Objective<Batch>,
  models: readonly PointLike[],
  data: Batches<Batch>,
  options: RunBarriersOptions<Batch> = {},
): AsyncGenerator<BarriersEvent, void, undefined> {
  checkOptions("runBarriers", options, ["points", "measure", "signal"]);
  const { points = 11, measure, signal } = options;
  if (!Number.isInteger(points) || points < 3)
    throw new ConfigError({ message: `runBarriers: points must be an integer from 3, got ${points}`, points });
  const trees = alike("runBarriers", models, 2);
  const evaluator = await openEvaluator(objective, data, measure === undefined ? {} : { measure });
  try {
    const losses: number[] = [];
    for (const tree of trees) losses.push((await evaluator.measure(tree)).loss);
    const gaps = trees.map(() => new Array<number>(trees.length).fill(0));
    const ts = evenly(points);
    const total = (trees.length * (trees.length - 1)) / 2;
    let done = 0;
    for (let from = 0; from < trees.length; from++) {
      for (let to = from + 1; to < trees.length; to++) {
        if (signal?.aborted === true) {
          yield { type: "stopped", done, total };
          return;
        }
        const path = line(trees[from]!, trees[to]!);
        const along = [losses[from]!];
        for (const t of ts.slice(1, -1)) {
          const point = path.at(t);
          try {
            along.push((await evaluator.measure(point)).loss);
          } finally {
            disposeParameters(point);
          }
        }
        const gap = summariseCurve(ts, [...along, losses[to]!]).convexityGap;
        gaps[from]![to] = gap;
        gaps[to]![from] = gap;
        done += 1;
        yield { type: "pair", from, to, gap, done, total };
      }
    }
    yield { type: "end", gaps, losses };
  } finally {
    evaluator.dispose();
  }
}

/** Settings of `clusterBasins`. */
export interface ClusterBasinsOptions {
  /** Largest mean gap, in nats, between two clusters that are still joined. */
  readonly most: number;
}

/** Models by basin. */
export interface Basins {
  /** Models of each cluster, the largest first. */
  readonly clusters: readonly (readonly number[])[];
  /** Every join, in order: the gap at which it came. */
  readonly joins: readonly {
    readonly left: readonly number[];
    readonly right: readonly number[];
    readonly gap: number;
  }[];
}

/**
 * Clusters of models by the gaps between them: those with the least mean gap are joined, again and again (average linkage, Sokal and
 * Michener 1958). Joins beyond `most` are reported and not made.
 *
 * @param gaps - Symmetric, as `runBarriers` gives them.
 * @throws {ConfigError} When the gaps are no such matrix.
 */
export function clusterBasins(gaps: readonly (readonly number[])[], options: ClusterBasinsOptions): Basins {
  checkOptions("clusterBasins", options, ["most"]);
  const { most } = options;
  if (!(most >= 0)) throw new ConfigError({ message: `clusterBasins: most must be at least 0, got ${most}`, most });
  const isSymmetric = gaps.every(
    (row, i) => row.length === gaps.length && row.every((gap, j) => Number.isFinite(gap) && gap === gaps[j]?.[i]),
  );
  if (gaps.length === 0 || !isSymmetric)
    throw new ConfigError({ message: "clusterBasins: gaps must be a symmetric matrix of finite numbers" });
  let clusters: readonly number[][] = gaps.map((_, i) => [i]);
  let result: readonly (readonly number[])[] = clusters;
  const joins: { left: readonly number[]; right: readonly number[]; gap: number }[] = [];
  const between = (a: readonly number[], b: readonly number[]): number =>
    a.flatMap((i) => b.map((j) => gaps[i]![j]!)).reduce((sum, gap) => sum + gap, 0) / (a.length * b.length);
  while (clusters.length > 1) {
    let best = { i: 0, j: 1, gap: Number.POSITIVE_INFINITY };
    for (let i = 0; i < clusters.length; i++)
      for (let j = i + 1; j < clusters.length; j++) {
        const gap = between(clusters[i]!, clusters[j]!);
        if (gap < best.gap) best = { i, j, gap };
      }
    const [left, right] = [clusters[best.i]!, clusters[best.j]!];
    joins.push({ left, right, gap: best.gap });
    const joined = [...left, ...right].sort((a, b) => a - b);
    clusters = [...clusters.filter((_, k) => k !== best.i && k !== best.j), joined];
    if (best.gap <= most) result = clusters;
  }
  return { clusters: [...result].sort((a, b) => b.length - a.length || a[0]! - b[0]!), joins };
}
