/** The subspace as a map: where in it which method does well, and where all of them do. */
import { ConfigError, checkOptions, type Files, StateError } from "@cambium/base";
import { type Landscape, runLandscape, type Slice } from "@cambium/connectivity";
import type { Objective } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { dispose, tensor1d } from "@tensorflow/tfjs-core";
import { checkSameBackbone, checkSameDeltas } from "../joint/same-model.ts";
import type { Subspace } from "../joint/subspace.ts";
import { subspaceObjective } from "../training/subspace-objective.ts";

/** A plane in the coordinates. */
export interface SubspacePlane {
  readonly origin: Float64Array;
  /** Of length 1, orthogonal. Without `up` the subspace is a line. */
  readonly across: Float64Array;
  readonly up?: Float64Array;
  /** Where the solutions of the task lie in it, by method. */
  readonly marks: ReadonlyMap<string, { readonly x: number; readonly y: number }>;
  /** Ranges that hold all marks, with a margin. */
  readonly x: readonly [from: number, to: number];
  readonly y: readonly [from: number, to: number];
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Orthonormal directions of vectors, then of the axes, up to two. */
function directions(vectors: readonly (readonly number[])[], dimension: number): Float64Array[] {
  const axes = Array.from({ length: dimension }, (_, k) =>
    Array.from({ length: dimension }, (__, i) => (i === k ? 1 : 0)),
  );
  const found: Float64Array[] = [];
  for (const vector of [...vectors, ...axes]) {
    if (found.length === Math.min(2, dimension)) break;
    const length = Math.sqrt(dot(vector, vector));
    let rest = Float64Array.from(vector);
    for (const each of found) {
      const along = dot(rest, each);
      rest = rest.map((value, i) => value - along * each[i]!);
    }
    const left = Math.sqrt(dot(rest, rest));
    if (left > 1e-6 * length && left > 0) found.push(rest.map((value) => value / left));
  }
  return found;
}

/**
 * The plane through the coordinates that a task has by three methods, with the first as its origin. Where there are fewer, or
 * they lie on a line, other tasks' points and then the axes give what lacks.
 *
 * @param margin - Added on each side, in parts of the marks' extent. @default 0.5
 * @throws {ConfigError} For a task that the subspace does not know.
 * @see Yi et al. 2022, arXiv:2210.13311, section 4.4.
 */
export function subspacePlane(space: Subspace, task: string, margin = 0.5): SubspacePlane {
  if (!(margin > 0)) throw new ConfigError({ message: `subspacePlane: margin must be above 0, got ${margin}` });
  const mine = space.coordinates.get(task);
  if (mine === undefined || mine.size === 0)
    throw new ConfigError({
      message: `subspacePlane: there are no coordinates of "${task}"; the tasks are ${[...space.coordinates.keys()].join(", ")}`,
    });
  const origin = Float64Array.from([...mine.values()][0]!);
  const others = [...space.coordinates].filter(([name]) => name !== task).flatMap(([, found]) => [...found.values()]);
  const away = [...mine.values(), ...others].map((point) => Array.from(point, (value, i) => value - origin[i]!));
  const [across, up] = directions(away, space.dimension);
  const marks = new Map(
    [...mine].map(([name, point]) => {
      const way = Array.from(point, (value, i) => value - origin[i]!);
      return [name, { x: dot(way, across!), y: up === undefined ? 0 : dot(way, up) }] as const;
    }),
  );
  const rangeOf = (values: readonly number[]): readonly [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const scale = Math.sqrt(dot(origin, origin)) || 1;
    const room = margin * Math.max(high - low, 0.2 * scale);
    return [low - room, high + room];
  };
  const list = [...marks.values()];
  return {
    origin,
    across: across!,
    ...(up !== undefined && { up }),
    marks,
    x: rangeOf(list.map(({ x }) => x)),
    y: rangeOf(list.map(({ y }) => y)),
  };
}

/** Settings of `runSubspaceLandscape`. */
export interface SubspaceLandscapeOptions {
  /** Values in each direction, from 2. @default 21 */
  readonly points?: number;
  /** Folders that keep finished rows, by method. @default nothing is kept */
  readonly results?: (method: string) => string | Files;
  readonly signal?: AbortSignal;
}

/** What happens while a subspace is mapped. */
export type SubspaceLandscapeEvent =
  | { readonly type: "row"; readonly method: string; readonly done: number; readonly total: number }
  | { readonly type: "stopped" }
  | { readonly type: "end"; readonly landscapes: ReadonlyMap<string, Landscape> };

/**
 * Measures a plane of coordinates with every method: each point of the grid is decoded by all of them.
 *
 * @param models - A model of each method that is mapped, on the task. `O(methods · points² · batches)` forward passes.
 * @throws {ConfigError} For a method that the subspace does not have, or has with other settings or on another backbone, and options out of range.
 */
export async function* runSubspaceLandscape<Batch>(
  space: Subspace,
  plane: SubspacePlane,
  models: Readonly<Record<string, Objective<Batch>>>,
  data: Batches<Batch>,
  options: SubspaceLandscapeOptions = {},
): AsyncGenerator<SubspaceLandscapeEvent, void, undefined> {
  checkOptions("runSubspaceLandscape", options, ["points", "results", "signal"]);
  const { points = 21, results, signal } = options;
  if (!Number.isInteger(points) || points < 2)
    throw new ConfigError({ message: `runSubspaceLandscape: points must be an integer from 2, got ${points}` });
  if (Object.keys(models).length === 0)
    throw new ConfigError({
      message: `runSubspaceLandscape: give a model of at least one method; the subspace has ${space.methods.join(", ")}`,
    });
  for (const [method, objective] of Object.entries(models)) {
    checkSameDeltas("runSubspaceLandscape", space.method(method), objective);
    await checkSameBackbone("runSubspaceLandscape", space.method(method), objective);
  }
  const made = [plane.origin, plane.across, ...(plane.up === undefined ? [] : [plane.up])].map((values) =>
    tensor1d(Float32Array.from(values)),
  );
  const [origin, across, up] = made.map((tensor) => new Map([["subspace/z", tensor]]));
  const slice: Slice = { origin: origin!, across: across!, ...(up !== undefined && { up }) };
  const landscapes = new Map<string, Landscape>();
  try {
    for (const [method, objective] of Object.entries(models)) {
      const { start } = space.method(method);
      const small = subspaceObjective(objective, space.projection(method), {
        origin: new Map([...objective.parameters].map(([name, tensor]) => [name, start.get(name) ?? tensor])),
      });
      try {
        const run = runLandscape(small, slice, data, {
          x: [...plane.x, points],
          ...(up !== undefined && { y: [...plane.y, points] as const }),
          ...(results !== undefined && { results: results(method) }),
          ...(signal !== undefined && { signal }),
        });
        for await (const event of run) {
          if (event.type === "row") yield { type: "row", method, done: event.done, total: event.total };
          else if (event.type === "stopped") {
            yield { type: "stopped" };
            return;
          } else landscapes.set(method, event);
        }
      } finally {
        small.dispose();
      }
    }
    yield { type: "end", landscapes };
  } finally {
    dispose(made);
  }
}

/** Where in a grid methods do well. */
export interface Overlap {
  /** Points at which all methods reach the threshold, over those at which one does: 0 to 1; absent where none does anywhere. */
  readonly share?: number;
  /** Share of the grid that each method reaches it on. */
  readonly areas: ReadonlyMap<string, number>;
  /** Whether all methods reach it, `[ys][xs]`. */
  readonly all: readonly (readonly boolean[])[];
}

/**
 * The region in which every method reaches a share of its full score: `area(∩) / area(∪)`.
 *
 * @param landscapes - With accuracies.
 * @param full - Score of ordinary training, by method, above 0.
 * @param percent - `E_rel` that counts. @default 90
 * @throws {ConfigError} When a method's full score is not there or not above 0.
 * @throws {StateError} When a landscape has no accuracies, or another grid.
 */
export function measureOverlap(
  landscapes: ReadonlyMap<string, Landscape>,
  full: Readonly<Record<string, number>>,
  percent = 90,
): Overlap {
  if (!(percent > 0 && Number.isFinite(percent)))
    throw new ConfigError({ message: `measureOverlap: percent must be above 0, got ${percent}` });
  const reached = new Map<string, boolean[][]>();
  let shape: string | undefined;
  for (const [method, { accuracies, xs, ys }] of landscapes) {
    if (accuracies === undefined)
      throw new StateError({ message: `measureOverlap: the landscape of ${method} has no accuracies` });
    shape ??= `${xs}|${ys}`;
    if (shape !== `${xs}|${ys}`)
      throw new StateError({ message: `measureOverlap: the landscape of ${method} is of another grid` });
    const best = full[method];
    if (best === undefined || !(best > 0))
      throw new ConfigError({ message: `measureOverlap: the full score of ${method} must be above 0, got ${best}` });
    reached.set(
      method,
      accuracies.map((row) => row.map((score) => (100 * score) / best >= percent)),
    );
  }
  const grids = [...reached.values()];
  if (grids.length === 0) throw new ConfigError({ message: "measureOverlap: there are no landscapes" });
  const all = grids[0]!.map((row, i) => row.map((_, j) => grids.every((grid) => grid[i]![j]!)));
  const some = grids[0]!.flatMap((row, i) => row.map((_, j) => grids.some((grid) => grid[i]![j]!)));
  const count = (list: readonly boolean[]): number => list.filter(Boolean).length;
  const union = count(some);
  return {
    ...(union > 0 && { share: count(all.flat()) / union }),
    areas: new Map([...reached].map(([method, grid]) => [method, count(grid.flat()) / some.length])),
    all,
  };
}
