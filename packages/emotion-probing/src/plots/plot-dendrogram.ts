import { ConfigError, checkOptions } from "@cambium/base";
import { figure } from "@cambium/report";
import { line, text } from "@observablehq/plot";
import { type Linkage, type Merge, mergeConditions } from "../maps/merge-conditions.ts";
import type { Rdm } from "../rdm/rdm.ts";
import { type DataFigure, type PlotOptions, withData } from "./plot-rdm.ts";

/** Settings of `plotDendrogram`. */
export interface PlotDendrogramOptions extends PlotOptions {
  /** How far apart two groups are: the mean of their pairs' distances, the greatest, or the least. @default "average" */
  readonly linkage?: Linkage;
}

/**
 * A tree of conditions: those that are near join first, from right to left.
 *
 * @throws {ConfigError} For unknown pairs, or an option that does not exist.
 */
export function plotDendrogram(rdm: Rdm, options: PlotDendrogramOptions = {}): DataFigure<readonly Merge[]> {
  checkOptions("plotDendrogram", options, ["title", "description", "width", "linkage"]);
  const { title = "Groups of conditions", description, width = 640, linkage = "average" } = options;
  if (rdm.values.some(Number.isNaN))
    throw new ConfigError({ message: "plotDendrogram: the RDM has unknown pairs; leave their conditions out" });
  const { conditions } = rdm;
  const merges = mergeConditions(rdm, linkage);
  // Each group's members stand side by side in the order in which they were joined.
  const order = merges.at(-1)!.members;
  const place = new Map(order.map((condition, i) => [condition, i]));
  const nodes: { readonly y: number; readonly at: number }[] = conditions.map((_, i) => ({ y: place.get(i)!, at: 0 }));
  const pieces = merges.map(({ first, second, distance }) => {
    const [a, b] = [nodes[first]!, nodes[second]!];
    nodes.push({ y: (a.y + b.y) / 2, at: distance });
    return [
      { x: a.at, y: a.y },
      { x: distance, y: a.y },
      { x: distance, y: b.y },
      { x: b.at, y: b.y },
    ];
  });
  const most = Math.max(...merges.map(({ distance }) => distance));
  const drawn = figure(
    {
      marginLeft: 24,
      marginRight: 20 + 7.5 * Math.max(...conditions.map(({ length }) => length)),
      marginTop: 8,
      marginBottom: 44,
      x: {
        domain: [most * 1.03 || 1, 0],
        label: `distance (${rdm.metric})`,
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: { domain: [conditions.length - 0.5, -0.5], axis: null },
      marks: [
        ...pieces.map((piece) => line(piece, { x: "x", y: "y", stroke: "currentColor", strokeWidth: 1.2 })),
        text(order as number[], {
          x: 0,
          dx: 6,
          y: (_, i: number) => i,
          text: (condition: number) => conditions[condition]!,
          textAnchor: "start",
          fontSize: 11,
        }),
      ],
    },
    { title, ...(description !== undefined && { description }), width, height: 96 + 17 * conditions.length },
  );
  return withData(drawn, merges);
}
