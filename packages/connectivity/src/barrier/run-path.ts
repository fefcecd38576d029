/** A model along a path: measured point by point, each as it comes, kept on disk where that is asked for. */
import { ConfigError, checkOptions, type Files, result, sha256 } from "@cambium/base";
import { disposeParameters, fingerprint, type Objective, type Random, random as seeded } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { type Evaluator, type Measurement, openEvaluator } from "../evaluate/evaluator.ts";
import type { Measure } from "../evaluate/measure.ts";
import { fromStored, openResults, type Results, toStored } from "../evaluate/results.ts";
import { measureDistance } from "../points/distance.ts";
import { evenly, type Path } from "../points/path.ts";
import { type BarrierIntervals, bootstrapCurve } from "./bootstrap.ts";
import { type BarrierSummary, summariseCurve } from "./summary.ts";

/** Settings of `runPath` and `measureBarrier`. */
export interface RunPathOptions<Batch> {
  /** How many points at equal distances, at least 3 and both ends among them; or their values of t, rising from 0 to 1. @default 26 */
  readonly points?: number | readonly number[];
  /** What is measured of a batch. @default that of `createEvaluator` */
  readonly measure?: Measure<Batch>;
  /** Resamples of the data behind the intervals; 0 for none. @default 1000 */
  readonly resamples?: number;
  /** Share of resamples within an interval. @default 0.95 */
  readonly share?: number;
  /** Where the resamples come from. @default random(0) */
  readonly random?: Random;
  /** A folder that keeps what was measured, so that the same run resumes after a kill. @default nothing is kept */
  readonly results?: string | Files;
  /** Stops between points. */
  readonly signal?: AbortSignal;
}

/** A point of the path, measured. */
export interface PathPoint extends Measurement {
  readonly t: number;
}

/** A path, measured. */
export interface PathMeasurement extends BarrierSummary {
  /** Values of t, rising. */
  readonly ts: readonly number[];
  /** Mean loss at each, in nats. */
  readonly losses: readonly number[];
  /** Share of right rows at each, 0 to 1, where it is measured. */
  readonly accuracies?: readonly number[];
  /** Percentile intervals over resamples of the data, where there are any. */
  readonly intervals?: BarrierIntervals;
  /** Values of t strictly inside whose loss is below that of both ends. */
  readonly better: readonly number[];
  /** Length of the curve through the points, in the space of parameters. */
  readonly length: number;
  /** Mean loss over the length of the curve, in nats; at its ends where it has none. */
  readonly lossByLength: number;
  /** What units are, of which each point has a number: rows, or batches where the loss is known of these only. */
  readonly unit: "row" | "batch";
  readonly points: readonly PathPoint[];
}

/** What happens along a path. */
export type PathEvent =
  | {
      readonly type: "point";
      readonly t: number;
      readonly loss: number;
      readonly accuracy?: number;
      readonly done: number;
      readonly total: number;
      /** Whether it was measured before and only read. */
      readonly isKept: boolean;
    }
  | ({ readonly type: "end"; readonly reason: "finished" } & PathMeasurement)
  | { readonly type: "stopped"; readonly done: number; readonly total: number };

const KEYS = ["points", "measure", "resamples", "share", "random", "results", "signal"] as const;

function timesOf(caller: string, points: number | readonly number[]): readonly number[] {
  if (typeof points === "number") {
    if (!Number.isInteger(points) || points < 3)
      throw new ConfigError({ message: `${caller}: points must be an integer from 3, got ${points}`, points });
    return evenly(points);
  }
  if (points.length < 3 || points.some((t, i) => !Number.isFinite(t) || (i > 0 && t <= points[i - 1]!)))
    throw new ConfigError({
      message: `${caller}: points must be at least 3 values of t, rising, got ${points.join(", ")}`,
    });
  if (points[0] !== 0 || points.at(-1) !== 1)
    throw new ConfigError({
      message: `${caller}: points must be values of t from 0 to 1, since barriers are measured from the ends; got ${points.join(", ")}`,
    });
  return points;
}

/**
 * Measures a model along a path: an event for each point, and at last all of it with barriers and their intervals. The model is
 * traced once and its point replaced; nothing of it is copied.
 *
 * `O(points · batches)` forward passes. On data of one batch per unit (`unit: "batch"`), intervals are over batches.
 *
 * @param objective - A tuned model, or any objective whose parameters are as the path's.
 * @param data - The same rows at every point: the first epoch.
 * @throws {ConfigError} For options out of range, and results of another run in the folder.
 * @throws {ShapeError} When the path is not of this objective's parameters; lists all.
 * @throws {StateError} When a loss is not finite.
 * @example
 * for await (const event of runPath(tuned, line(a, b), data, { points: 11 })) console.log(event);
 */
export async function* runPath<Batch>(
  objective: Objective<Batch>,
  path: Path,
  data: Batches<Batch>,
  options: RunPathOptions<Batch> = {},
): AsyncGenerator<PathEvent, void, undefined> {
  checkOptions("runPath", options, KEYS);
  const { points: wanted = 26, measure, results, signal, resamples = 1000, share = 0.95, random = seeded(0) } = options;
  const ts = timesOf("runPath", wanted);
  if (!Number.isInteger(resamples) || resamples < 0)
    throw new ConfigError({ message: `runPath: resamples must be an integer from 0, got ${resamples}` });
  if (!(share > 0 && share < 1)) throw new ConfigError({ message: `runPath: share must lie in (0, 1), got ${share}` });
  for (const t of ts) path.coefficients(t); // a t that the path does not have is an error before the first pass
  const evaluator = await openEvaluator(
    objective,
    data,
    measure === undefined ? {} : { measure },
    results !== undefined,
  );
  try {
    const kept = results === undefined ? undefined : await openKept(results, path, evaluator);
    const points: PathPoint[] = [];
    let length = 0;
    const lengths: number[] = [0];
    let before: ReturnType<Path["at"]> | undefined;
    try {
      for (const t of ts) {
        if (signal?.aborted === true) {
          yield { type: "stopped", done: points.length, total: ts.length };
          return;
        }
        const here = path.at(t);
        if (before !== undefined) {
          length += (await measureDistance(before, here)).distance;
          lengths.push(length);
          disposeParameters(before);
        }
        before = here;
        const stored = await kept?.read(String(t));
        const measured = stored === undefined ? await evaluator.measure(here) : fromStored(stored);
        if (stored === undefined) await kept?.write(String(t), toStored(measured));
        points.push({ t, ...measured });
        const { loss, accuracy } = measured;
        yield {
          type: "point",
          t,
          loss,
          ...(accuracy !== undefined && { accuracy }),
          done: points.length,
          total: ts.length,
          isKept: stored !== undefined,
        };
      }
    } finally {
      if (before !== undefined) disposeParameters(before);
    }
    yield {
      type: "end",
      reason: "finished",
      ...summarisePath(ts, points, lengths, evaluator.unit),
      ...(resamples > 0 && { intervals: bootstrapCurve(ts, points, { resamples, share, random }) }),
    };
  } finally {
    evaluator.dispose();
  }
}

async function openKept(at: string | Files, path: Path, evaluator: Evaluator): Promise<Results> {
  const nodes: string[] = [];
  for (const node of path.nodes) nodes.push(await fingerprint(node));
  const about = await evaluator.describe();
  return openResults("runPath", at, { ...about, path: path.kind, nodes: sha256(nodes.join(" ")) });
}

function summarisePath(
  ts: readonly number[],
  points: readonly PathPoint[],
  lengths: readonly number[],
  unit: "row" | "batch",
): Omit<PathMeasurement, "intervals"> {
  const losses = points.map(({ loss }) => loss);
  const accuracies = points.flatMap(({ accuracy }) => (accuracy === undefined ? [] : [accuracy]));
  const hasScores = accuracies.length === points.length;
  const [start, end, length] = [losses[0]!, losses.at(-1)!, lengths.at(-1)!];
  const area = losses
    .slice(1)
    .reduce((sum, loss, i) => sum + ((loss + losses[i]!) / 2) * (lengths[i + 1]! - lengths[i]!), 0);
  return {
    ts,
    losses,
    ...(hasScores && { accuracies }),
    ...summariseCurve(ts, losses, hasScores ? accuracies : undefined),
    better: ts.filter((_, i) => i > 0 && i < ts.length - 1 && losses[i]! < Math.min(start, end)),
    length,
    lossByLength: length > 0 ? area / length : (start + end) / 2,
    unit,
    points,
  };
}

/**
 * The loss barrier between the ends of a path, with the curve it comes from: `runPath` to its end.
 *
 * @throws {ConfigError} For options out of range.
 * @throws {ShapeError} When the path is not of this objective's parameters; lists all.
 * @throws {StateError} When a loss is not finite.
 * @see Frankle et al. 2020, Linear Mode Connectivity and the Lottery Ticket Hypothesis, arXiv:1912.05671, section 2.
 * @example
 * const { barrier, intervals, losses } = await measureBarrier(tuned, line(a, b), data, { points: 11 });
 */
export async function measureBarrier<Batch>(
  objective: Objective<Batch>,
  path: Path,
  data: Batches<Batch>,
  options: RunPathOptions<Batch> = {},
): Promise<PathMeasurement> {
  checkOptions<RunPathOptions<Batch>>("measureBarrier", options, KEYS);
  const { type: _, reason: __, ...measured } = await result(runPath(objective, path, data, options));
  return measured;
}
