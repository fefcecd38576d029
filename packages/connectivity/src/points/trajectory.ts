import { ConfigError } from "@cambium/base";
import { disposeParameters, type Parameters } from "@cambium/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { eigenOfSymmetric } from "../curvature/tridiagonal.ts";
import { move } from "./combination.ts";
import { type Plane, type Projection, planeOf } from "./plane.ts";
import { alike, type PointLike } from "./point.ts";
import { dotsOf, offset, scaled } from "./vectors.ts";

/** The plane in which a trajectory moves most, and the trajectory in it. */
export interface TrajectoryPlane extends Plane {
  /** Shares of the variance of the points along `across` and `up`, 0 to 1. */
  readonly explained: readonly [across: number, up: number];
  /** Where each point lies in the plane, in their order, and how far outside of it. */
  readonly points: readonly Projection[];
}

/**
 * The plane through the last of several points, such as the checkpoints of a run, along the two directions in which they differ most:
 * the first principal components (Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, arXiv:1712.09913, section 7.2). Its axes are
 * orthogonal and of length 1; the first point lies at positive x and y. `runLandscape` measures the loss in it.
 *
 * Two components say a lot of a trajectory in many dimensions even where it is a random walk, whose picture is a curve of
 * cosines and of which they explain more than half (Antognini and Sohl-Dickstein 2018, arXiv:1806.08805): look at `explained` and at each
 * point's `distance` before reading anything off the picture.
 *
 * @param points - At least three, in their order. Not disposed of.
 * @returns The caller owns both directions.
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 * @throws {ConfigError} For fewer points, and when they lie on one line.
 * @example
 * const seen = await trajectoryPlane(checkpoints);
 * const { losses } = await result(runLandscape(tuned, seen, data, { x: [-2, 8, 25], y: [-4, 4, 25] }));
 */
export async function trajectoryPlane(points: readonly PointLike[]): Promise<TrajectoryPlane> {
  const trees = alike("trajectoryPlane", points, 3);
  const last = trees.at(-1)!;
  const ways = trees.slice(0, -1).map((tree) => offset(last, tree));
  try {
    const gram = await gramOf(ways);
    const count = trees.length;
    const means = gram.map((row) => row.reduce((sum, value) => sum + value, 0) / count);
    const mean = means.reduce((sum, value) => sum + value, 0) / count;
    const centred = gram.map((row, i) => row.map((value, j) => value - means[i]! - means[j]! + mean));
    const variance = centred.reduce((sum, row, i) => sum + row[i]!, 0);
    const [first, second] = eigenOfSymmetric(centred);
    if (!(second!.value > 1e-10 * first!.value))
      throw new ConfigError({
        message: "trajectoryPlane: the points lie on one line, through which there are many planes; look along it",
      });
    const axes = [first!, second!].map(({ value, vector }) => {
      const shares = Array.from(vector, (each) => each / Math.sqrt(value));
      const along = gram.map((row) => row.reduce((sum, each, i) => sum + each * shares[i]!, 0));
      const sign = along[0]! < 0 ? -1 : 1;
      return { shares: shares.map((each) => sign * each), along: along.map((each) => sign * each) };
    });
    const [x, y] = axes.map(({ along }) => along) as [number[], number[]];
    const [across, up] = [sumOf(ways, axes[0]!.shares), sumOf(ways, axes[1]!.shares)];
    return {
      ...planeOf(last, across, up),
      explained: [first!.value / variance, second!.value / variance],
      points: gram.map((row, i) => ({
        x: x[i]!,
        y: y[i]!,
        distance: Math.sqrt(Math.max(0, row[i]! - x[i]! ** 2 - y[i]! ** 2)),
      })),
    };
  } finally {
    for (const way of ways) disposeParameters(way);
  }
}

/** Inner products of ways from the last point, which is at zero. */
async function gramOf(ways: readonly Parameters[]): Promise<number[][]> {
  const pairs = ways.flatMap((a, i) => ways.slice(i).map((b) => [a, b] as const));
  const dots = await dotsOf(pairs);
  const gram = Array.from({ length: ways.length + 1 }, () => new Array<number>(ways.length + 1).fill(0));
  let next = 0;
  for (let i = 0; i < ways.length; i++) {
    for (let j = i; j < ways.length; j++) {
      gram[i]![j] = dots[next]!;
      gram[j]![i] = dots[next++]!;
    }
  }
  return gram;
}

/** A weighted sum of ways. */
function sumOf([first, ...others]: readonly Parameters[], shares: readonly number[]): Map<string, Tensor> {
  const start = scaled(first!, shares[0]!);
  const sum = move(start, others, shares.slice(1, others.length + 1));
  disposeParameters(start);
  return sum;
}
