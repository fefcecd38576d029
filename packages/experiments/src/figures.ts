import { type Figure, plotLines, plotPoints } from "@cambium/report";
import { matches, nameCells, projection } from "./grid.ts";
import { type Group, groupRuns } from "./groups.ts";
import type { StudyState } from "./state.ts";
import type { Study, StudyFigure } from "./study.ts";

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
  const names = nameCells(groups.map(({ cell }) => projection(cell, series)));
  const shown = groups.flatMap((group, i) => {
    const found = point(group, metric);
    return found === undefined ? [] : [{ ...found, cell: group.cell, name: names[i]! }];
  });
  if (shown.length === 0) return `${title}: no run has a result yet.`;
  if (x === undefined) {
    const rows = shown.map(({ cell: _, ...row }) => row);
    return plotPoints({ title, description, value: axis, rows });
  }
  const lines = [...new Set(shown.map(({ name }) => name))].map((name) => ({
    name,
    points: shown
      .filter((each) => each.name === name)
      .map(({ cell, value, low, high }) => ({
        x: Number(cell[x]),
        y: value,
        ...(low === undefined ? {} : { low }),
        ...(high === undefined ? {} : { high }),
      }))
      .sort((a, b) => a.x - b.x),
  }));
  return plotLines({ title, description, x: { label: x, scale }, y: axis, series: lines });
}
