import { checkOptions } from "@cambium/base";
import { figure, PALETTE } from "@cambium/report";
import { dot, text } from "@observablehq/plot";
import type { ConditionMap } from "../maps/mds.ts";
import { type DataFigure, format, type PlotOptions, withData } from "./plot-rdm.ts";

/** Settings of `plotMap`. */
export interface PlotMapOptions extends PlotOptions {
  /** A group for each condition, such as its polarity: shown by colour. @default one group */
  readonly groups?: readonly string[];
}

/** A condition on a map. */
export interface MapPoint {
  readonly condition: string;
  readonly x: number;
  readonly y: number;
  readonly group?: string;
}

/**
 * A map of conditions in a plane, both axes to one scale, with its stress in the caption.
 *
 * @param map - Of two dimensions or more, of which the first two are shown.
 */
export function plotMap(map: ConditionMap, options: PlotMapOptions = {}): DataFigure<readonly MapPoint[]> {
  checkOptions("plotMap", options, ["title", "description", "width", "groups"]);
  const { title = "Map of conditions", width = 560, groups } = options;
  const names = [...new Set(groups)];
  const points = map.conditions.map((condition, i) => ({
    condition,
    x: map.points[i]![0]!,
    y: map.points[i]![1] ?? 0,
    ...(groups !== undefined && { group: groups[i]! }),
  }));
  const most = Math.max(...points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)]), 1e-9) * 1.15;
  const color = (group: string | undefined): string =>
    PALETTE[Math.max(0, names.indexOf(group ?? "")) % PALETTE.length]!;
  const drawn = figure(
    {
      marginLeft: 16,
      marginRight: 16,
      marginTop: 8,
      marginBottom: 16,
      x: { axis: null, domain: [-most * 1.1, most * 1.1] },
      y: { axis: null, domain: [-most, most] },
      marks: [
        dot(points, { x: "x", y: "y", r: 4, fill: ({ group }) => color(group) }),
        text(points, { x: "x", y: "y", text: "condition", dy: -9, fontSize: 11 }),
      ],
    },
    {
      title,
      description:
        options.description ?? `Distances as in the data as far as a plane allows; stress ${format(map.stress)}.`,
      width,
      height: width,
      ...(names.length > 1 && { legend: names.map((name) => ({ name, color: color(name) })) }),
    },
  );
  return withData(drawn, points);
}
