/** k-means with groups of equal size. */
import { ConfigError } from "@cambium/base";
import type { Random } from "@cambium/core";

/** Rounds after which groups are taken as they are. */
const ROUNDS = 20;

/**
 * Points in `count` groups of equal size: k-means whose assignments go by the nearest pair of a point and a group that has room.
 *
 * @returns Indices of the points, group by group. Deterministic in `random`.
 * @throws {ConfigError} When the points cannot be divided so.
 */
export function balancedClusters(
  points: readonly Float64Array[],
  count: number,
  random: Random,
): readonly (readonly number[])[] {
  if (points.length % count !== 0)
    throw new ConfigError({
      message: `scoreNeurons: ${points.length} neurons cannot be divided into ${count} groups of one size`,
    });
  const room = points.length / count;
  let centres = [...random.permutation(points.length)].slice(0, count).map((i) => points[i]!);
  let groups: readonly (readonly number[])[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const next = assign(points, centres, room);
    if (JSON.stringify(next) === JSON.stringify(groups)) break;
    groups = next;
    centres = groups.map((group) => meanOf(group.map((i) => points[i]!)));
  }
  return groups;
}

function assign(
  points: readonly Float64Array[],
  centres: readonly Float64Array[],
  room: number,
): readonly (readonly number[])[] {
  const pairs = points.flatMap((point, i) =>
    centres.map((centre, group) => ({ i, group, distance: distance(point, centre) })),
  );
  pairs.sort((a, b) => a.distance - b.distance || a.i - b.i || a.group - b.group);
  const groups: number[][] = centres.map(() => []);
  const taken = new Set<number>();
  for (const { i, group } of pairs) {
    if (taken.has(i) || groups[group]!.length === room) continue;
    groups[group]!.push(i);
    taken.add(i);
  }
  return groups.map((group) => group.sort((a, b) => a - b));
}

const distance = (a: Float64Array, b: Float64Array): number =>
  a.reduce((total, value, i) => total + (value - b[i]!) ** 2, 0);

function meanOf(points: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(points[0]!.length);
  for (const point of points) for (let i = 0; i < mean.length; i++) mean[i]! += point[i]! / points.length;
  return mean;
}
