import { ConfigError } from "@cambium/base";
import { pairIndex, type Rdm } from "../rdm/rdm.ts";

/** Two groups that were joined. Conditions are numbered first, then groups in the order in which they were made. */
export interface Merge {
  readonly first: number;
  readonly second: number;
  readonly distance: number;
  /** Places of the conditions in it. */
  readonly members: readonly number[];
}

/** How far apart two groups are. */
export type Linkage = "average" | "complete" | "single";

const linkages: Readonly<Record<Linkage, (values: readonly number[]) => number>> = {
  average: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  complete: (values) => Math.max(...values),
  single: (values) => Math.min(...values),
};

/** Joins the two nearest groups until one is left. O(n³ · n), for hundreds of conditions at most. */
export function mergeConditions(rdm: Rdm, linkage: Linkage): readonly Merge[] {
  const measure = Object.hasOwn(linkages, linkage) ? linkages[linkage] : undefined;
  if (measure === undefined) {
    throw new ConfigError({
      message: `plotDendrogram: linkage must be one of ${Object.keys(linkages).join(", ")}, got "${linkage}"`,
      linkage,
    });
  }
  const count = rdm.conditions.length;
  const groups = new Map(rdm.conditions.map((_, i) => [i, [i] as readonly number[]]));
  const between = (a: readonly number[], b: readonly number[]): number =>
    measure(a.flatMap((i) => b.map((j) => rdm.values[pairIndex(i, j, count)]!)));
  const merges: Merge[] = [];
  while (groups.size > 1) {
    let best: { first: number; second: number; distance: number } | undefined;
    const ids = [...groups.keys()];
    for (const [i, first] of ids.entries()) {
      for (const second of ids.slice(i + 1)) {
        const distance = between(groups.get(first)!, groups.get(second)!);
        if (best === undefined || distance < best.distance) best = { first, second, distance };
      }
    }
    const { first, second, distance } = best!;
    const members = [...groups.get(first)!, ...groups.get(second)!];
    groups.delete(first);
    groups.delete(second);
    groups.set(count + merges.length, members);
    merges.push({ first, second, distance, members });
  }
  return merges;
}
