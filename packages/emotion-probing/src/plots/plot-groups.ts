import { ConfigError, checkOptions } from "@cambium/base";
import { figure, PALETTE } from "@cambium/report";
import { barX, ruleX } from "@observablehq/plot";
import { checkFinite } from "./finite.ts";
import { type DataFigure, type PlotOptions, withData } from "./plot-rdm.ts";

/** Settings of `plotGroups`. */
export interface PlotGroupsOptions extends PlotOptions {
  /** Names of the groups, from top to bottom, and of the bars within each. */
  readonly groups: readonly string[];
  readonly series: readonly string[];
  /** What the bars measure, with its unit. */
  readonly label: string;
  /** A rule across all groups, such as the level of chance. @default none */
  readonly rule?: number;
}

/** One bar. */
export interface GroupBar {
  readonly group: string;
  readonly series: string;
  readonly value: number;
}

/** Bars in groups: the same measures of several things, such as accuracies of each emotion, intact and ablated. */
export function plotGroups(
  values: readonly (readonly number[])[],
  options: PlotGroupsOptions,
): DataFigure<readonly GroupBar[]> {
  checkOptions("plotGroups", options, ["title", "description", "width", "groups", "series", "label", "rule"]);
  const { title = "Measures by group", description, width = 720, groups, series, label, rule } = options;
  if (groups.length === 0 || values.length !== groups.length || values.some(({ length }) => length !== series.length)) {
    throw new ConfigError({ message: `plotGroups: ${groups.length} groups of ${series.length} values are needed` });
  }
  const bars = groups.flatMap((group, i) => series.map((name, j) => ({ group, series: name, value: values[i]![j]! })));
  checkFinite("plotGroups", [
    ...bars.map(({ group, series: name, value }): [string, number] => [`${group}, ${name}`, value]),
    ["rule", rule],
  ]);
  const color = (name: string): string => PALETTE[series.indexOf(name) % PALETTE.length]!;
  const drawn = figure(
    {
      marginLeft: 20 + 7.5 * Math.max(...groups.map(({ length }) => length)),
      marginRight: 20,
      marginTop: 8,
      marginBottom: 44,
      x: { label, labelAnchor: "center", labelArrow: "none", grid: true },
      y: { axis: null, domain: [...series], padding: 0.1 },
      fy: { label: null, domain: [...groups], padding: 0.25 },
      marks: [
        barX(bars, { x: "value", y: "series", fy: "group", fill: (bar) => color(bar.series) }),
        ruleX([0], { strokeOpacity: 0.6 }),
        ...(rule === undefined ? [] : [ruleX([rule], { strokeDasharray: "4 3" })]),
      ],
    },
    {
      title,
      ...(description !== undefined && { description }),
      width,
      height: 110 + groups.length * (10 + 8 * series.length),
      legend: series.map((name) => ({ name, color: color(name) })),
    },
  );
  return withData(drawn, bars);
}
