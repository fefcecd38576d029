import { ConfigError, checkOptions } from "@cambium/base";
import { type Figure, figure } from "@cambium/report";
import { rect, text } from "@observablehq/plot";
import { percentileRdm } from "../rdm/change-rdm.ts";
import { type Rdm, squareRdm } from "../rdm/rdm.ts";
import { type ColorMap, colorOf } from "./color-maps.ts";

/** A figure with the numbers that it shows. */
export interface DataFigure<Data> extends Figure {
  readonly data: Data;
}

/** Joins a figure and its data. */
export const withData = <Data>(drawn: Figure, data: Data): DataFigure<Data> => ({ ...drawn, data });

/** What all figures here may be given. */
export interface PlotOptions {
  readonly title?: string;
  readonly description?: string;
  /** Pixels. @default by the content */
  readonly width?: number;
}

/** Settings of `plotRdm`. */
export interface PlotRdmOptions extends PlotOptions {
  /** Distances as they are, or percentiles, which use all colours equally often. @default "percentile" */
  readonly show?: "raw" | "percentile";
  /** @default "cividis" */
  readonly colors?: ColorMap;
}

/** A cell of a heat map. */
export interface RdmCell {
  readonly row: string;
  readonly column: string;
  /** The distance; NaN where it is unknown, which is left blank. */
  readonly value: number;
}

const CELL = 16;

/**
 * A heat map of an RDM, rows and columns in the order of its conditions. Dark is near.
 *
 * @throws {ConfigError} For an option that does not exist or cannot be meant.
 * @example
 * plotRdm(rdm, { title: "Similarity of emotions" }).svg();
 */
export function plotRdm(rdm: Rdm, options: PlotRdmOptions = {}): DataFigure<readonly RdmCell[]> {
  checkOptions("plotRdm", options, ["title", "description", "width", "show", "colors"]);
  const { title = `Distances: ${rdm.metric}`, show = "percentile", colors = "cividis", description } = options;
  if (show !== "raw" && show !== "percentile") {
    throw new ConfigError({ message: `plotRdm: show must be "raw" or "percentile", got "${show}"`, show });
  }
  const { conditions } = rdm;
  const count = conditions.length;
  const [shown, raw] = [squareRdm(show === "raw" ? rdm : percentileRdm(rdm)), squareRdm(rdm)];
  const known = shown.flat().filter((value) => !Number.isNaN(value));
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const color = colorOf("plotRdm", colors);
  const cells = conditions.flatMap((_, i) => conditions.map((_, j) => ({ i, j, value: shown[i]![j]! })));
  const longest = Math.max(...conditions.map(({ length }) => length));
  const margin = 20 + 7 * longest;
  const side = options.width === undefined ? count * CELL : options.width - margin - 100;
  const isWide = side / count >= 9;
  const legend = Array.from({ length: 40 }, (_, i) => i / 40);
  const bar = count + 1;
  const drawn = figure(
    {
      marginLeft: margin,
      marginTop: 8,
      marginBottom: margin,
      marginRight: 24,
      x: { axis: null, domain: [0, bar + 4] },
      y: { axis: null, domain: [count, 0] },
      marks: [
        rect(
          cells.filter(({ value }) => !Number.isNaN(value)),
          {
            x1: "j",
            x2: ({ j }) => j + 1,
            y1: "i",
            y2: ({ i }) => i + 1,
            fill: ({ value }) => color(high > low ? (value - low) / (high - low) : 0),
          },
        ),
        rect(legend, {
          x1: bar,
          x2: bar + 1,
          y1: (share: number) => count * (1 - share),
          y2: (share: number) => count * (1 - share - 1 / 40),
          fill: (share: number) => color(share),
        }),
        text([0, 0.5, 1], {
          x: bar + 1.2,
          y: (share: number) => count * (1 - share),
          text: (share: number) => format(low + share * (high - low)) + (show === "percentile" ? " %" : ""),
          textAnchor: "start",
          fontSize: 11,
        }),
        ...(isWide
          ? [
              text(conditions as string[], {
                x: 0,
                dx: -6,
                y: (_, i) => i + 0.5,
                text: (name) => name,
                textAnchor: "end",
                fontSize: 11,
              }),
              text(conditions as string[], {
                x: (_, i) => i + 0.5,
                y: count,
                dy: 6,
                text: (name) => name,
                textAnchor: "end",
                rotate: -60,
                fontSize: 11,
              }),
            ]
          : []),
      ],
    },
    {
      title,
      ...(description !== undefined && { description }),
      width: margin + 24 + side * ((bar + 4) / count),
      height: 36 + 8 + margin + side,
    },
  );
  return withData(
    drawn,
    conditions.flatMap((row, i) => conditions.map((column, j) => ({ row, column, value: raw[i]![j]! }))),
  );
}

/** A number with three digits. */
export const format = (value: number): string => value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
