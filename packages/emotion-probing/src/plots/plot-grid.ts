import { ConfigError, checkOptions } from "@cambium/base";
import { figure } from "@cambium/report";
import { cell, text } from "@observablehq/plot";
import { type ColorMap, colorOf } from "./color-maps.ts";
import { type DataFigure, format, type PlotOptions, withData } from "./plot-rdm.ts";

/** Settings of `plotGrid`. */
export interface PlotGridOptions extends PlotOptions {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** @default "viridis" */
  readonly colors?: ColorMap;
  /** Whether numbers stand in the cells. @default up to 120 cells */
  readonly numbers?: boolean;
}

/** One cell. */
export interface GridCell {
  readonly row: string;
  readonly column: string;
  readonly value: number;
}

/** Numbers by rows and columns as colours: effects of sets on tasks, patches by layer and position, ratings by attribute. */
export function plotGrid(
  values: readonly (readonly number[])[],
  options: PlotGridOptions,
): DataFigure<readonly GridCell[]> {
  checkOptions("plotGrid", options, ["title", "description", "width", "rows", "columns", "colors", "numbers"]);
  const { rows, columns, title = "Values", description, colors = "viridis" } = options;
  const { numbers = rows.length * columns.length <= 120 } = options;
  if (values.length !== rows.length || values.some(({ length }) => length !== columns.length)) {
    throw new ConfigError({ message: `plotGrid: ${rows.length} rows of ${columns.length} values are needed` });
  }
  const cells = rows.flatMap((row, i) => columns.map((column, j) => ({ row, column, value: values[i]![j]! })));
  const known = cells.filter(({ value }) => Number.isFinite(value));
  const [low, high] = [Math.min(...known.map(({ value }) => value)), Math.max(...known.map(({ value }) => value))];
  const share = (value: number): number => (high > low ? (value - low) / (high - low) : 0.5);
  const color = colorOf("plotGrid", colors);
  const margin = 24 + 7.5 * Math.max(...rows.map(({ length }) => length));
  const foot = 20 + 6.5 * Math.max(...columns.map(({ length }) => length));
  const drawn = figure(
    {
      marginLeft: margin,
      marginTop: 8,
      marginBottom: foot,
      x: { type: "band", domain: [...columns], label: null, tickSize: 0, tickRotate: -45 },
      y: { type: "band", domain: [...rows], label: null, tickSize: 0 },
      marks: [
        cell(known, { x: "column", y: "row", fill: ({ value }) => color(share(value)) }),
        ...(numbers
          ? [
              text(known, {
                x: "column",
                y: "row",
                text: ({ value }) => format(value),
                fill: ({ value }) => (share(value) > 0.6 ? "#000000" : "#ffffff"),
                fontSize: 10,
              }),
            ]
          : []),
      ],
    },
    {
      title,
      ...(description !== undefined && { description }),
      width: options.width ?? Math.min(1000, margin + 40 + 44 * columns.length),
      height: 60 + foot + 22 * rows.length,
    },
  );
  return withData(drawn, cells);
}
