/** Maps of conditions: points whose distances follow an RDM. */
import { ConfigError, checkOptions } from "@cambium/base";
import { pairIndex, pairsOf, type Rdm } from "../rdm/rdm.ts";
import { symmetricEigen } from "./eigen.ts";

/** Settings of `mapConditions`. */
export interface MapConditionsOptions {
  /**
   * `classical` scaling by eigenvalues; `smacof`, which lowers the stress of all distances; `sammon`, which weighs small
   * distances more. The last two start from the first. @default "smacof"
   */
  readonly method?: "classical" | "smacof" | "sammon";
  /** Axes of the map, 1 to conditions − 1. @default 2 */
  readonly dimensions?: number;
  /** Whether the RDM holds squares of distances. @default by its metric */
  readonly squared?: boolean;
  /** Most steps of smacof and sammon. @default 1000 */
  readonly steps?: number;
}

/** A map. */
export interface ConditionMap {
  readonly conditions: readonly string[];
  /** `[conditions][dimensions]`, with their mean at 0. */
  readonly points: readonly Float64Array[];
  /** Kruskal's stress-1 of the map: `√(Σ (d − δ)² / Σ δ²)`, 0 for a perfect one. Sammon's maps have Sammon's stress. */
  readonly stress: number;
  /** Eigenvalues of classical scaling, greatest first: negative ones tell that no map of any dimension is perfect. */
  readonly eigenvalues: Float64Array;
}

const SQUARED: ReadonlySet<string> = new Set(["squared-euclidean", "mahalanobis", "crossnobis"]);

/**
 * Points in a plane, or in more dimensions, whose distances are like those of an RDM.
 *
 * @throws {ConfigError} For options that do not exist or cannot be meant, or an RDM with unknown pairs. Negative distances
 *   (of crossnobis) count as 0 for smacof and sammon.
 * @see Torgerson 1952, doi:10.1007/BF02288916 (classical). de Leeuw 1977, Applications of convex analysis to multidimensional
 *      scaling (smacof). Sammon 1969, A nonlinear mapping for data structure analysis, doi:10.1109/T-C.1969.222678.
 */
export function mapConditions(rdm: Rdm, options: MapConditionsOptions = {}): ConditionMap {
  checkOptions("mapConditions", options, ["method", "dimensions", "squared", "steps"]);
  const { method = "smacof", dimensions = 2, squared = SQUARED.has(rdm.metric), steps = 1000 } = options;
  const count = rdm.conditions.length;
  const problem = !["classical", "smacof", "sammon"].includes(method)
    ? `method must be "classical", "smacof" or "sammon", got "${method}"`
    : !Number.isInteger(dimensions) || dimensions < 1 || dimensions > count - 1
      ? `dimensions must be an integer from 1 to ${count - 1}, got ${dimensions}`
      : !Number.isSafeInteger(steps) || steps < 1
        ? `steps must be an integer from 1, got ${steps}`
        : rdm.values.some(Number.isNaN)
          ? "the RDM has unknown pairs; leave their conditions out"
          : undefined;
  if (problem !== undefined) throw new ConfigError({ message: `mapConditions: ${problem}` });
  const squares = squared ? rdm.values : rdm.values.map((value) => value * value);
  const { values, vectors } = symmetricEigen(doublyCentred(squares, count));
  const start = Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length: dimensions }, (_, k) => Math.sqrt(Math.max(0, values[k]!)) * vectors[k]![i]!),
  );
  const distances = squares.map((value) => Math.sqrt(Math.max(0, value)));
  const points =
    method === "classical"
      ? start
      : method === "smacof"
        ? smacof(start, distances, steps)
        : sammon(start, distances, steps);
  const stress = method === "sammon" ? sammonStress(points, distances) : kruskalStress(points, distances);
  return { conditions: rdm.conditions, points, stress, eigenvalues: values };
}

/** `−½ J D J` of squared distances D, with J = I − 1/n. */
function doublyCentred(squares: Float64Array, count: number): number[][] {
  const value = (i: number, j: number): number => (i === j ? 0 : squares[pairIndex(i, j, count)]!);
  const means = Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += value(i, j);
    return sum / count;
  });
  const grand = means.reduce((sum, mean) => sum + mean, 0) / count;
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: count }, (_, j) => -0.5 * (value(i, j) - means[i]! - means[j]! + grand)),
  );
}

type Points = readonly Float64Array[];

function between(points: Points, i: number, j: number): number {
  let sum = 0;
  for (let k = 0; k < points[i]!.length; k++) sum += (points[i]![k]! - points[j]![k]!) ** 2;
  return Math.sqrt(sum);
}

function kruskalStress(points: Points, distances: Float64Array): number {
  let [off, all, at] = [0, 0, 0];
  for (const [i, j] of pairsOf(points.length)) {
    off += (between(points, i, j) - distances[at]!) ** 2;
    all += distances[at++]! ** 2;
  }
  return all === 0 ? 0 : Math.sqrt(off / all);
}

/** Guttman's transform until the stress no longer falls. */
function smacof(start: Points, distances: Float64Array, steps: number): Points {
  let points = start;
  let stress = kruskalStress(points, distances);
  const count = start.length;
  for (let step = 0; step < steps; step++) {
    const next = points.map((point) => new Float64Array(point.length));
    let at = 0;
    for (const [i, j] of pairsOf(count)) {
      const apart = between(points, i, j);
      const ratio = apart > 0 ? distances[at]! / apart : 0;
      at++;
      for (let k = 0; k < next[i]!.length; k++) {
        const move = (ratio * (points[i]![k]! - points[j]![k]!)) / count;
        next[i]![k]! += move;
        next[j]![k]! -= move;
      }
    }
    const after = kruskalStress(next, distances);
    points = next;
    if (stress - after < 1e-10) break;
    stress = after;
  }
  return points;
}

/** `Σ (d − δ)² / δ` over `Σ δ`, of pairs with δ above 0. */
function sammonStress(points: Points, distances: Float64Array): number {
  let [off, all, at] = [0, 0, 0];
  for (const [i, j] of pairsOf(points.length)) {
    const wanted = distances[at++]!;
    if (wanted === 0) continue;
    off += (between(points, i, j) - wanted) ** 2 / wanted;
    all += wanted;
  }
  return all === 0 ? 0 : off / all;
}

/** Gradient steps on Sammon's stress, each halved until it falls. */
function sammon(start: Points, distances: Float64Array, steps: number): Points {
  let points = start;
  let stress = sammonStress(points, distances);
  let rate = 1;
  const total = distances.reduce((sum, value) => sum + value, 0);
  if (total === 0) return start;
  for (let step = 0; step < steps; step++) {
    const slope = points.map((point) => new Float64Array(point.length));
    let at = 0;
    for (const [i, j] of pairsOf(points.length)) {
      const wanted = distances[at++]!;
      const apart = between(points, i, j);
      if (wanted === 0 || apart === 0) continue;
      const pull = (2 * (apart - wanted)) / (wanted * apart);
      for (let k = 0; k < slope[i]!.length; k++) {
        const part = pull * (points[i]![k]! - points[j]![k]!);
        slope[i]![k]! += part;
        slope[j]![k]! -= part;
      }
    }
    let moved: Points = points;
    let after = Number.POSITIVE_INFINITY;
    for (; rate > 1e-12; rate /= 2) {
      moved = points.map((point, i) => point.map((value, k) => value - rate * slope[i]![k]!));
      after = sammonStress(moved, distances);
      if (after < stress) break;
    }
    if (!(stress - after > 1e-12)) break;
    points = moved;
    stress = after;
    rate *= 2;
  }
  return points;
}
