/** Choices that can change nothing: entries whose product with zeros is all that the model sees of them. */
import type { Pick, Selection } from "./manifest.ts";

/** Whether anything of a column of a matrix is chosen. */
function columnsOf({ candidate, all, rows, scalars }: Pick): (column: number) => boolean {
  if (all || rows.length > 0) return () => true;
  const columns = new Set(Array.from(scalars, (place) => place % candidate.width));
  return (column) => columns.has(column);
}

/** Chosen scalars in each unit: a row of a matrix, an entry of a vector. */
function unitsOf({ candidate, all, rows, scalars }: Pick): ReadonlyMap<number, number> {
  const [count, width] = candidate.shape.length === 1 ? [candidate.size, 1] : [candidate.rows, candidate.width];
  if (all) return new Map(Array.from({ length: count }, (_, unit) => [unit, width]));
  const units = new Map(Array.from(rows, (row) => [row, width]));
  for (const place of scalars) {
    const unit = Math.floor(place / width);
    units.set(unit, (units.get(unit) ?? 0) + 1);
  }
  return units;
}

/** Scalars of a choice that never have a gradient, because what they are multiplied with is zero and stays so. */
export function countDead({ picks }: Selection): number {
  const byName = new Map(picks.map((pick) => [pick.candidate.name, pick]));
  let dead = 0;
  for (const pick of picks) {
    const { meets } = pick.candidate;
    if (meets === undefined) continue;
    const outer = byName.get(meets);
    const isAlive = outer === undefined ? () => false : columnsOf(outer);
    for (const [unit, count] of unitsOf(pick)) if (!isAlive(unit)) dead += count;
  }
  return dead;
}
