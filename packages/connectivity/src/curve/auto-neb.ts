/**
 * Paths of low loss by the nudged elastic band: points on a chain sink to the valley, each across the chain alone, and stand apart
 * along it as before. Where the loss between two of them sticks out, another is put in (AutoNEB).
 *
 * `runAutoNeb` is the rounds; `sink` one step of all points, on the host; what differentiates at a point is `createDifferentiator`.
 */
import { ConfigError, checkOptions } from "@cambium/base";
import { disposeParameters, type Objective, type Parameters, unflattenParameters } from "@cambium/core";
import type { Batches, Optimiser, OptimiserState } from "@cambium/train";
import { type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import { createDifferentiator, type Differentiator } from "../curvature/gradients.ts";
import { type Path, polychain } from "../points/path.ts";
import { alike, type PointLike } from "../points/point.ts";

/** Settings of `runAutoNeb`. */
export interface RunAutoNebOptions {
  /** Moves the points; its state starts again in each round. */
  readonly optimiser: Optimiser;
  /** Points between the ends at the start, on the line. @default 3 */
  readonly points?: number;
  /** Rounds; after each but the last, points are put in. @default 4 */
  readonly rounds?: number;
  /** Steps of a round. @default 50 */
  readonly steps?: number;
  /** Places between two neighbours where the loss is looked at, to put a point there. @default 9 */
  readonly between?: number;
  /**
   * How far the loss between two neighbours may stick out above the line between their losses, as a share of the range of losses along
   * the chain. @default 0.2
   */
  readonly excess?: number;
  /** Ends the run after a step, with the chain as it is. */
  readonly signal?: AbortSignal;
}

/** What happens while a path is sought. */
export type AutoNebEvent =
  | {
      readonly type: "round";
      readonly round: number;
      /** Points of the chain, ends among them, and the losses at them after the round, in nats. */
      readonly losses: readonly number[];
      /** How many points were put in after it. */
      readonly added: number;
    }
  | {
      readonly type: "end";
      readonly reason: "finished" | "stopped";
      /** The chain. The receiver owns its bends, `path.nodes.slice(1, -1)`. */
      readonly path: Path;
      /** At its nodes, in nats. */
      readonly losses: readonly number[];
    };

const DEFAULTS = { points: 3, rounds: 4, steps: 50, between: 9, excess: 0.2 };

function check(options: RunAutoNebOptions): Required<Omit<RunAutoNebOptions, "signal">> {
  checkOptions("runAutoNeb", options, ["optimiser", "points", "rounds", "steps", "between", "excess", "signal"]);
  const settings = { ...DEFAULTS, ...options };
  if (typeof settings.optimiser?.update !== "function")
    throw new ConfigError({ message: "runAutoNeb: optimiser must be one, such as sgd({ learningRate: 0.1 })" });
  for (const key of ["points", "rounds", "steps", "between"] as const)
    if (!Number.isInteger(settings[key]) || settings[key] < 1)
      throw new ConfigError({ message: `runAutoNeb: ${key} must be an integer from 1, got ${settings[key]}` });
  if (!(settings.excess >= 0))
    throw new ConfigError({ message: `runAutoNeb: excess must be from 0, got ${settings.excess}` });
  return settings;
}

type Vector = Float64Array;

const minus = (a: Vector, b: Vector): Vector => a.map((value, i) => value - b[i]!);
const between = (a: Vector, b: Vector, t: number): Vector => a.map((value, i) => value + t * (b[i]! - value));
function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
const length = (a: Vector): number => Math.sqrt(dot(a, a));

/**
 * Finds a chain of low loss between two points. Points start on the line; in each round they move against the part of the gradient that is
 * across the chain, the way along it being towards the neighbour of greater loss, and stay at their shares of its length. It needs
 * no start beside the line and says where the loss is greatest; a Bezier curve (`trainCurve`) is quicker and smoother.
 *
 * `O(rounds · steps · points · batches)` gradients, of all rows that are given: give a few hundred. Vectors of the points are held in double
 * precision on the host.
 *
 * @param objective - Whose parameters are as the points'.
 * @throws {ConfigError} For options out of range, and data without rows that count.
 * @throws {ShapeError} When the points are not of this objective's parameters; lists all.
 * @throws {StateError} When a loss is not finite.
 * @see Draxler et al. 2018, Essentially No Barriers in Neural Network Energy Landscape, arXiv:1803.00885, section 3; Henkelman and
 *      Jónsson 2000, Improved tangent estimate in the nudged elastic band method, section III.
 * @example
 * const { path } = await result(runAutoNeb(tuned, a, b, rows, { optimiser: sgd({ learningRate: 0.1, momentum: 0.9 }) }));
 */
export async function* runAutoNeb<Batch>(
  objective: Objective<Batch>,
  from: PointLike,
  to: PointLike,
  data: Batches<Batch>,
  options: RunAutoNebOptions,
): AsyncGenerator<AutoNebEvent, void, undefined> {
  const { optimiser, points, rounds, steps, between: places, excess } = check(options);
  const [, first, last] = alike("runAutoNeb", [objective, from, to], 3) as readonly [unknown, Parameters, Parameters];
  const whole = [...first].find(([, { dtype }]) => dtype !== "float32");
  if (whole !== undefined)
    throw new ConfigError({
      message: `runAutoNeb: "${whole[0]}" is ${whole[1].dtype}, between whose numbers lies nothing`,
    });
  const slopes = await createDifferentiator("runAutoNeb", objective, data);
  try {
    const [start, end] = [await vectorOf(first), await vectorOf(last)];
    const at = (t: number): Vector => between(start, end, t);
    let chain = Array.from({ length: points + 2 }, (_, i) => at(i / (points + 1)));
    const shares = chain.map((_, i) => i / (points + 1));
    let losses: number[] = [];
    const isStopped = (): boolean => options.signal?.aborted === true;
    for (let round = 1; round <= rounds; round++) {
      chain = await sink(slopes, first, chain, shares, optimiser, steps, isStopped);
      losses = (await measure(slopes, first, chain)).map(({ loss }) => loss);
      const isLast = round === rounds || isStopped();
      const more = isLast ? [] : await excesses(slopes, first, chain, losses, places, excess);
      yield { type: "round", round, losses, added: more.length };
      if (isLast) break;
      for (const { after, t } of more.toReversed()) {
        chain.splice(after + 1, 0, between(chain[after]!, chain[after + 1]!, t));
        shares.splice(after + 1, 0, shares[after]! + t * (shares[after + 1]! - shares[after]!));
      }
    }
    const bends = chain.slice(1, -1).map((vector) => treeOf(vector, first));
    yield { type: "end", reason: isStopped() ? "stopped" : "finished", path: polychain(first, last, bends), losses };
  } finally {
    slopes.dispose();
  }
}

/** Steps of all points between the ends. */
async function sink(
  slopes: Differentiator,
  like: Parameters,
  chain: readonly Vector[],
  shares: readonly number[],
  optimiser: Optimiser,
  steps: number,
  isStopped: () => boolean,
): Promise<Vector[]> {
  const [start, end] = [chain[0]!, chain.at(-1)!];
  let points = [...chain];
  let state: OptimiserState | undefined;
  try {
    for (let step = 0; step < steps && !isStopped(); step++) {
      const gradients = named(acrossChain(points, await measure(slopes, like, points)));
      const inner = named(points.slice(1, -1));
      state ??= optimiser.init(inner);
      const moved = optimiser.update(gradients, state, inner);
      points = respaced([start, ...(await vectorsOf(moved.parameters)), end], shares);
      for (const tree of [inner, gradients, moved.parameters, state.tensors]) disposeParameters(tree);
      state = moved.state;
    }
    return points;
  } finally {
    if (state !== undefined) disposeParameters(state.tensors);
  }
}

async function vectorOf(tree: Parameters): Promise<Vector> {
  const parts = await Promise.all([...tree.values()].map((tensor) => tensor.data()));
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

function treeOf(vector: Vector, like: Parameters): Parameters {
  const flat = tensor1d(Float32Array.from(vector));
  const tree = unflattenParameters(flat, like);
  flat.dispose();
  return tree;
}

const named = (vectors: readonly Vector[]): Map<string, Tensor1D> =>
  new Map(vectors.map((vector, i) => [`point.${i}`, tensor1d(Float32Array.from(vector))]));

async function vectorsOf(tree: Parameters): Promise<Vector[]> {
  const values = await Promise.all([...tree.values()].map((tensor) => tensor.data()));
  return values.map((each) => Float64Array.from(each));
}

type Seen = Awaited<ReturnType<Differentiator["at"]>>;

async function measure(slopes: Differentiator, like: Parameters, vectors: readonly Vector[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const vector of vectors) {
    const tree = treeOf(vector, like);
    try {
      seen.push(await slopes.at(tree));
    } finally {
      disposeParameters(tree);
    }
  }
  return seen;
}

/** Of each inner point the gradient without its part along the chain. */
function acrossChain(chain: readonly Vector[], seen: readonly Seen[]): Vector[] {
  return chain.slice(1, -1).map((point, k) => {
    const [before, after] = [chain[k]!, chain[k + 2]!];
    const isUphill = seen[k + 2]!.loss > seen[k]!.loss;
    const way = isUphill ? minus(after, point) : minus(point, before);
    const { gradient } = seen[k + 1]!;
    const square = dot(way, way);
    const along = square > 0 ? dot(gradient, way) / square : 0;
    return gradient.map((value, i) => value - along * way[i]!);
  });
}

/** The points of a chain at given shares of its length; the ends stay. */
function respaced(chain: readonly Vector[], shares: readonly number[]): Vector[] {
  const ways = chain.slice(1).map((point, i) => length(minus(point, chain[i]!)));
  const total = ways.reduce((sum, way) => sum + way, 0);
  if (total === 0) return [...chain];
  const passed = [0];
  for (const way of ways) passed.push(passed.at(-1)! + way / total);
  return shares.map((share, i) => {
    if (i === 0 || i === shares.length - 1) return chain[i]!;
    let piece = 0;
    while (piece < ways.length - 1 && passed[piece + 1]! < share) piece++;
    const width = passed[piece + 1]! - passed[piece]!;
    return between(chain[piece]!, chain[piece + 1]!, width > 0 ? (share - passed[piece]!) / width : 0);
  });
}

/** Where between neighbours the loss sticks out most, of those pieces where it does by more than a share of its range. */
async function excesses(
  slopes: Differentiator,
  like: Parameters,
  chain: readonly Vector[],
  losses: readonly number[],
  places: number,
  excess: number,
): Promise<{ readonly after: number; readonly t: number }[]> {
  const found: { after: number; t: number; above: number }[] = [];
  const all = [...losses];
  for (let after = 0; after < chain.length - 1; after++) {
    const ts = Array.from({ length: places }, (_, i) => (i + 1) / (places + 1));
    const seen = await measure(
      slopes,
      like,
      ts.map((t) => between(chain[after]!, chain[after + 1]!, t)),
    );
    all.push(...seen.map(({ loss }) => loss));
    const above = seen.map(({ loss }, i) => loss - losses[after]! - ts[i]! * (losses[after + 1]! - losses[after]!));
    const most = above.indexOf(Math.max(...above));
    found.push({ after, t: ts[most]!, above: above[most]! });
  }
  const range = Math.max(...all) - Math.min(...all);
  return found.filter(({ above }) => above > excess * range && above > 0);
}
