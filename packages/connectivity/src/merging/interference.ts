import { ConfigError } from "@cambium/base";
import { alike, type PointLike } from "../points/point.ts";

/** How much changes stand in each other's way. */
export interface Interference {
  /** Share of the entries that at least two points change of which signs differ, 0 to 1. */
  readonly signConflicts: number;
  /** Cosines of the changes, `[points][points]`; NaN where one is zero. */
  readonly cosines: readonly (readonly number[])[];
}

/**
 * Sign conflicts and cosines between the changes of several points (Yadav et al. 2023, TIES-Merging, arXiv:2306.01708, section 3).
 *
 * @param base - Where the changes start from; `"zero"` for points that are changes themselves.
 * @throws {ShapeError} When the points have other names or shapes; lists all.
 */
export async function measureInterference(
  points: readonly PointLike[],
  base: PointLike | "zero",
): Promise<Interference> {
  if (points.length < 2)
    throw new ConfigError({ message: `measureInterference: at least two points are needed, got ${points.length}` });
  const trees = alike("measureInterference", base === "zero" ? points : [...points, base]);
  const count = points.length;
  const products = Array.from({ length: count }, () => new Float64Array(count));
  let [shared, conflicts] = [0, 0];
  for (const [name, { size, dtype }] of trees[0]!) {
    if (dtype !== "float32") continue;
    const lists = await Promise.all(trees.map((tree) => tree.get(name)!.data()));
    const start = lists[count];
    const changes = new Float64Array(count);
    for (let i = 0; i < size; i++) {
      let [plus, minus] = [0, 0];
      for (let k = 0; k < count; k++) {
        const change = lists[k]![i]! - (start?.[i] ?? 0);
        changes[k] = change;
        if (change > 0) plus += 1;
        if (change < 0) minus += 1;
      }
      if (plus + minus > 1) shared += 1;
      if (plus > 0 && minus > 0) conflicts += 1;
      for (let k = 0; k < count; k++) for (let l = 0; l < count; l++) products[k]![l]! += changes[k]! * changes[l]!;
    }
  }
  return {
    signConflicts: shared === 0 ? 0 : conflicts / shared,
    cosines: products.map((row, k) => Array.from(row, (value, l) => value / Math.sqrt(row[k]! * products[l]![l]!))),
  };
}
