/** Values by name, one row each: bars from zero, and points for what does not start at zero. */
import { checkOptions } from "@cambium/base";
import { barX, dot, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import { type Axis, axisScale, checkValues, horizontalAxis } from "./axis.ts";
import { type Figure, type FigureOptions, figure } from "./figure.ts";
import { PALETTE } from "./palette.ts";
import { estimateTextWidth } from "./svg.ts";

/** A named value, with its interval where it is known. */
export interface Row {
  readonly name: string;
  readonly value: number;
  /** Ends of the interval, in units of the value; the description says which interval. */
  readonly low?: number;
  readonly high?: number;
}

/** Rows over a common axis. */
export interface PlotRowsOptions extends Omit<FigureOptions, "legend" | "height"> {
  readonly value: Axis;
  /** From top to bottom. */
  readonly rows: readonly Row[];
}

const ROW_HEIGHT = 34;
const MARGIN = { top: 8, bottom: 48 };

function plotRows(
  caller: string,
  options: PlotRowsOptions,
  from: readonly number[],
  marks: (interval: Markish) => readonly Markish[],
): Figure {
  checkOptions(caller, options, ["title", "description", "width", "value", "rows"]);
  const { value, rows, ...about } = options;
  if (rows.length === 0) throw new RangeError(`${caller}: "${about.title}" has no rows; pass at least one`);
  for (const key of ["value", "low", "high"] as const)
    checkValues(
      caller,
      key,
      rows.map((row) => row[key]),
      value.scale,
    );
  const repeated = rows.find((row, index) => rows.findIndex(({ name }) => name === row.name) !== index);
  if (repeated !== undefined)
    throw new RangeError(`${caller}: the row "${repeated.name}" comes twice; give rows different names`);
  const spread = rows.filter(({ low, high }) => low !== undefined && high !== undefined);
  const longest = Math.max(...rows.map(({ name }) => estimateTextWidth(name, 13)));
  return figure(
    {
      marginLeft: Math.ceil(Math.min(longest, (about.width ?? 800) / 2)) + 20,
      marginRight: 28,
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      x: axisScale(
        value,
        rows.flatMap((row) => [row.value, row.low, row.high, ...from]),
      ),
      y: { type: "band", domain: rows.map(({ name }) => name), padding: 0.4, axis: null },
      marks: [
        ...horizontalAxis(value, { grid: true }),
        ...marks(ruleY([...spread], { y: "name", x1: "low", x2: "high", stroke: "currentColor", strokeWidth: 1.5 })),
        text([...rows], { y: "name", frameAnchor: "left", textAnchor: "end", dx: -10, text: "name", fontSize: 13 }),
      ],
    },
    { ...about, height: 36 + MARGIN.top + MARGIN.bottom + rows.length * ROW_HEIGHT },
  );
}

/**
 * Horizontal bars from zero, one a row, with an interval around the end of those that have `low` and `high`.
 *
 * @throws {RangeError} When there is no row, two have one name, or a value is not finite.
 */
export function plotBars(options: PlotRowsOptions): Figure {
  return plotRows("plotBars", options, [0], (interval) => [
    barX([...options.rows], { y: "name", x: "value", fill: PALETTE[0]!, fillOpacity: 0.85 }),
    ruleX([0], { strokeOpacity: 0.6 }),
    interval,
  ]);
}

/**
 * Points, one a row, with an interval through those that have `low` and `high`: for values such as accuracies, whose
 * differences would drown in bars from zero.
 *
 * @throws {RangeError} When there is no row, two have one name, or a value is not finite.
 */
export function plotPoints(options: PlotRowsOptions): Figure {
  return plotRows("plotPoints", options, [], (interval) => [
    interval,
    dot([...options.rows], { y: "name", x: "value", fill: PALETTE[0]!, r: 5.5 }),
  ]);
}
