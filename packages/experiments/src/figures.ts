import { type Figure, plotLines, plotPoints } from "@cambium/report";
import { type Cell, matches } from "./grid.ts";
import { type Group, groupRuns } from "./groups.ts";
import type { StudyState } from "./state.ts";
import type { Study, StudyFigure } from "./study.ts";

const seriesName = (cell: Cell): string => Object.values(cell).join(", ") || "all";

function point(group: Group, metric: string): { value: number; low?: number; high?: number } | undefined {
  const found = group.measure(metric);
  if (found === undefined) return undefined;
  const { mean, low, high } = found;
  return { value: mean, ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
}

/** What a figure does not show, in a sentence. */
function gaps(groups: readonly Group[], metric: string): string {
  const missing = groups.reduce((sum, group) => sum + group.runs - group.values(metric).length, 0);
  return missing === 0 ? "" : ` ${missing} of ${groups.reduce((sum, { runs }) => sum + runs, 0)} runs are missing.`;
}

/** A figure from the results there are, or the sentence that stands in its place when there are none. */
export function drawFigure(study: Study, state: StudyState, options: StudyFigure): Figure | string {
  const { title, metric, where = {}, x, scale = "linear", series } = options;
  const { unit } = study.metrics[metric]!;
  const axis = { label: metric, ...(unit === undefined ? {} : { unit }) };
  const groups = groupRuns(state, x === undefined ? series : [...series, x], (cell) => matches(cell, where));
  const description = `Means with 95 % t intervals.${gaps(groups, metric)}`;
  const shown = groups.flatMap((group) => {
    const found = point(group, metric);
    return found === undefined ? [] : [{ ...found, cell: group.cell }];
  });
  if (shown.length === 0) return `${title}: no run has a result yet.`;
  if (x === undefined) {
    const rows = shown.map(({ cell, ...row }) => ({ name: seriesName(cell), ...row }));
    return plotPoints({ title, description, value: axis, rows });
  }
  const names = [...new Set(shown.map(({ cell: { [x]: _, ...rest } }) => seriesName(rest)))];
  const lines = names.map((name) => ({
    name,
    points: shown
      .filter(({ cell: { [x]: _, ...rest } }) => seriesName(rest) === name)
      .map(({ cell, value, ...ends }) => ({ x: Number(cell[x]), y: value, ...ends }))
      .sort((a, b) => a.x - b.x),
  }));
  return plotLines({ title, description, x: { label: x, scale }, y: axis, series: lines });
}
