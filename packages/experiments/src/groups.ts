import { canonicalJson } from "@cambium/base";
import { type Cell, projection } from "./grid.ts";
import { type Interval, measureInterval } from "./interval.ts";
import { metricOf } from "./record.ts";
import type { StudyState } from "./state.ts";

/** Runs of the grid that have some levels in common. */
export interface Group {
  readonly cell: Cell;
  /** Cells of the grid in this group. */
  readonly runs: number;
  /** Results of a metric, of those runs that have one. */
  values(metric: string): readonly number[];
  /** Mean and 95 % t interval of a metric; absent while no run has a result. */
  measure(metric: string): Interval | undefined;
}

/** The grid's runs by the levels of some factors, in the grid's order. */
export function groupRuns(
  { board, records }: Pick<StudyState, "board" | "records">,
  factors: readonly string[],
  include: (cell: Cell) => boolean = () => true,
): Group[] {
  const groups = new Map<string, { cell: Cell; keys: (string | undefined)[] }>();
  for (const { cell, run } of board.grid) {
    if (!include(cell)) continue;
    const common = projection(cell, factors);
    const name = canonicalJson(common);
    const group = groups.get(name) ?? { cell: common, keys: [] };
    groups.set(name, group);
    group.keys.push(run?.key);
  }
  return [...groups.values()].map(({ cell, keys }) => {
    const values = (metric: string): number[] =>
      keys.flatMap((key) => (key === undefined ? [] : (metricOf(records.get(key), metric) ?? [])));
    return {
      cell,
      runs: keys.length,
      values,
      measure: (metric) => {
        const found = values(metric);
        return found.length === 0 ? undefined : measureInterval(found);
      },
    };
  });
}
