/** A loss over a line or a plane of points, row by row, kept on disk where that is asked for. */
import { ConfigError, checkOptions, type Files } from "@cambium/base";
import { disposeParameters, fingerprint, type Objective, type Parameters } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { openEvaluator } from "../evaluate/evaluator.ts";
import type { Measure } from "../evaluate/measure.ts";
import { openResults } from "../evaluate/results.ts";
import { move } from "../points/combination.ts";

/** Where to look: `origin + x · across + y · up`; without `up`, along a line. */
export interface Slice {
  readonly origin: Parameters;
  readonly across: Parameters;
  readonly up?: Parameters;
}

/** Values of a coordinate: from, to, and how many at equal distances; or the values. */
export type Ticks = readonly [from: number, to: number, count: number] | { readonly at: readonly number[] };

/** Settings of `runLandscape`. */
export interface RunLandscapeOptions<Batch> {
  /** @default 25 values from −1 to 1 */
  readonly x?: Ticks;
  /** Of a plane. @default 25 values from −1 to 1 */
  readonly y?: Ticks;
  /** What is measured of a batch. @default that of `createEvaluator` */
  readonly measure?: Measure<Batch>;
  /** A folder that keeps finished rows, so that the same run resumes after a kill. @default nothing is kept */
  readonly results?: string | Files;
  /** Stops between points; a row that is not finished is measured again. */
  readonly signal?: AbortSignal;
}

/** A measured landscape. */
export interface Landscape {
  readonly xs: readonly number[];
  /** One value, 0, of a line. */
  readonly ys: readonly number[];
  /** Mean losses in nats, `[ys][xs]`. Infinite where the loss is not finite, as far out it may be. */
  readonly losses: readonly (readonly number[])[];
  /** Share of right rows, 0 to 1, likewise, where it is measured. */
  readonly accuracies?: readonly (readonly number[])[];
}

/** What happens while a landscape is measured. */
export type LandscapeEvent =
  | {
      readonly type: "row";
      readonly y: number;
      readonly done: number;
      readonly total: number;
      readonly isKept: boolean;
    }
  | ({ readonly type: "end"; readonly reason: "finished" } & Landscape)
  | { readonly type: "stopped"; readonly done: number; readonly total: number };

function valuesOf(name: string, ticks: Ticks): readonly number[] {
  const list = Array.isArray(ticks) ? undefined : (ticks as { readonly at: readonly number[] }).at;
  const [from, to, count] = list === undefined ? (ticks as readonly [number, number, number]) : [0, 0, 0];
  const isRange =
    list === undefined && Number.isInteger(count) && count >= 2 && Number.isFinite(to - from) && from < to;
  const isList =
    list !== undefined &&
    list.length > 0 &&
    list.every((value, i) => Number.isFinite(value) && (i === 0 || value > list[i - 1]!));
  if (isList) return list;
  if (isRange) return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
  throw new ConfigError({
    message: `runLandscape: ${name} must be [from, to, count] with from below to and count from 2, or { at: values }, rising; got ${JSON.stringify(ticks)}`,
  });
}

/** Whether an error says that a loss is not finite. */
function isOfLoss(error: unknown): boolean {
  const { code, details } = Object(error) as { readonly code?: string; readonly details?: object };
  return code === "STATE" && Object.hasOwn(details ?? {}, "loss");
}

/**
 * Measures the loss over a line or a plane of points: an event for each row, and at last the grid.
 *
 * `O(points · batches)` forward passes on one set of rows; nothing of the model is copied, and no graph is made but one.
 *
 * @param objective - A tuned model, or any objective whose parameters are as the slice's.
 * @param slice - Such as `plane(a, b, c)`, or a point and `createDirections`.
 * @param data - The same rows at every point: the first epoch.
 * @throws {ConfigError} For options out of range, and results of another run in the folder.
 * @throws {ShapeError} When the slice is not of this objective's parameters.
 * @see Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, arXiv:1712.09913.
 * @example
 * const [across, up] = await createDirections(tuned, random(1), { model: tuned });
 * const { losses } = await result(runLandscape(tuned, { origin: tuned.parameters, across: across!, up: up! }, data));
 */
export async function* runLandscape<Batch>(
  objective: Objective<Batch>,
  slice: Slice,
  data: Batches<Batch>,
  options: RunLandscapeOptions<Batch> = {},
): AsyncGenerator<LandscapeEvent, void, undefined> {
  checkOptions("runLandscape", options, ["x", "y", "measure", "results", "signal"]);
  const { x = [-1, 1, 25], y, measure, results, signal } = options;
  const { origin, across, up } = slice;
  if (up === undefined && y !== undefined)
    throw new ConfigError({ message: 'runLandscape: a line has no "y"; give the slice a direction "up"' });
  const xs = valuesOf("x", x);
  const ys = up === undefined ? [0] : valuesOf("y", y ?? [-1, 1, 25]);
  const directions = up === undefined ? [across] : [across, up];
  const evaluator = await openEvaluator(
    objective,
    data,
    measure === undefined ? {} : { measure },
    results !== undefined,
  );
  try {
    const kept =
      results === undefined
        ? undefined
        : await openResults("runLandscape", results, {
            ...(await evaluator.describe()),
            origin: await fingerprint(origin),
            directions: await Promise.all(directions.map(fingerprint)),
            xs,
          });
    const rows: { readonly losses: number[]; readonly accuracies: number[] }[] = [];
    for (const height of ys) {
      const stored = (await kept?.read(String(height))) as
        | { losses: (number | null)[]; accuracies: number[] }
        | undefined;
      const row = {
        losses: stored?.losses.map((loss) => loss ?? Number.POSITIVE_INFINITY) ?? [],
        accuracies: stored?.accuracies ?? [],
      };
      if (stored === undefined) {
        for (const place of xs) {
          if (signal?.aborted === true) {
            yield { type: "stopped", done: rows.length, total: ys.length };
            return;
          }
          const point = move(origin, directions, [place, height].slice(0, directions.length));
          try {
            const { loss, accuracy } = await evaluator.measure(point);
            row.losses.push(loss);
            if (accuracy !== undefined) row.accuracies.push(accuracy);
          } catch (error) {
            if (!isOfLoss(error)) throw error;
            row.losses.push(Number.POSITIVE_INFINITY);
            row.accuracies.push(0);
          } finally {
            disposeParameters(point);
          }
        }
        await kept?.write(String(height), {
          losses: row.losses.map((loss) => (Number.isFinite(loss) ? loss : null)),
          accuracies: row.accuracies,
        });
      }
      rows.push(row);
      yield { type: "row", y: height, done: rows.length, total: ys.length, isKept: stored !== undefined };
    }
    const hasScores = rows.every(({ accuracies }) => accuracies.length === xs.length);
    yield {
      type: "end",
      reason: "finished",
      xs,
      ys,
      losses: rows.map(({ losses }) => losses),
      ...(hasScores && { accuracies: rows.map(({ accuracies }) => accuracies) }),
    };
  } finally {
    evaluator.dispose();
  }
}
