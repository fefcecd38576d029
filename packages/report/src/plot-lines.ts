import { checkOptions } from "@cambium/base";
import { areaY, dot, line, type Markish } from "@observablehq/plot";
import { type Axis, axisScale, checkValues, horizontalAxis, verticalAxis } from "./axis.ts";
import { type Figure, type FigureOptions, figure } from "./figure.ts";
import { seriesStyle } from "./palette.ts";

/** A point of a curve, with its spread where it is known. */
export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** Ends of the spread, in units of y: an interval, a deviation, a range; the description says which. */
  readonly low?: number;
  readonly high?: number;
}

/** A named curve. */
export interface LineSeries {
  readonly name: string;
  /** In order of x. Up to 16 points are also marked by spots. */
  readonly points: readonly LinePoint[];
}

/** Curves over common axes. */
export interface PlotLinesOptions extends Omit<FigureOptions, "legend"> {
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly LineSeries[];
}

const MARGIN_LEFT = 60;

/**
 * Curves, with a band around those whose points have `low` and `high`. Several curves get a legend.
 *
 * @throws {RangeError} When there is no point, or a value is not finite or does not fit its axis.
 * @example
 * const losses = [{ x: 1, y: 0.7 }, { x: 2, y: 0.4 }];
 * plotLines({ title: "Training loss", x: { label: "step" }, y: { label: "loss", unit: "nats" }, series: [{ name: "LoRA", points: losses }] });
 */
export function plotLines(options: PlotLinesOptions): Figure {
  checkOptions("plotLines", options, ["title", "description", "width", "height", "x", "y", "series"]);
  const { x, y, series, ...about } = options;
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0)
    throw new RangeError(`plotLines: "${about.title}" has no points; pass at least one series with points`);
  const bands: Markish[] = [];
  const curves: Markish[] = [];
  series.forEach(({ name, points }, index) => {
    const where = `series "${name}"`;
    checkValues(
      "plotLines",
      `x of ${where}`,
      points.map((point) => point.x),
      x.scale,
    );
    for (const key of ["y", "low", "high"] as const)
      checkValues(
        "plotLines",
        `${key} of ${where}`,
        points.map((point) => point[key]),
        y.scale,
      );
    const { color, dash } = seriesStyle(index);
    const spread = points.filter(({ low, high }) => low !== undefined && high !== undefined);
    if (spread.length > 0)
      bands.push(areaY([...spread], { x: "x", y1: "low", y2: "high", fill: color, fillOpacity: 0.18 }));
    curves.push(
      line([...points], {
        x: "x",
        y: "y",
        stroke: color,
        strokeWidth: 2,
        ...(dash === undefined ? {} : { strokeDasharray: dash }),
      }),
    );
    if (points.length <= 16) curves.push(dot([...points], { x: "x", y: "y", fill: color, r: 3.5 }));
  });
  const legend = series.length < 2 ? [] : series.map(({ name }, index) => ({ name, ...seriesStyle(index) }));
  return figure(
    {
      marginLeft: MARGIN_LEFT,
      insetLeft: 8,
      insetRight: 8,
      x: axisScale(
        x,
        all.map((point) => point.x),
      ),
      y: axisScale(
        y,
        all.flatMap((point) => [point.y, point.low, point.high]),
        6,
      ),
      marks: [...verticalAxis(y, MARGIN_LEFT), ...horizontalAxis(x, { grid: false }), ...bands, ...curves],
    },
    { ...about, legend },
  );
}
