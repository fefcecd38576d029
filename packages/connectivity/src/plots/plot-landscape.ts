import { ConfigError, checkOptions } from "@cambium/base";
import { type Figure, figure, plotLines } from "@cambium/report";
import { contour, dot, line as lineMark, type Markish, text } from "@observablehq/plot";
import type { Landscape } from "../landscape/run-landscape.ts";

/** A point, or a curve of points, to mark in a landscape. */
export interface LandscapeMark {
  readonly name: string;
  /** In the coordinates of the plane, as `projectPoint` gives them. One is a spot, several are a curve. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Settings of `plotLandscape`. */
export interface PlotLandscapeOptions {
  /** @default "Loss landscape" */
  readonly title?: string;
  readonly description?: string;
  /** Width in pixels. @default 560 */
  readonly width?: number;
  /** Losses above are drawn as this one, in nats. @default the 90th percentile */
  readonly most?: number;
  /** @default none */
  readonly marks?: readonly LandscapeMark[];
}

/**
 * A landscape: a curve in one dimension, contours in two.
 *
 * @throws {ConfigError} When marks are given for a line, or no loss is finite.
 */
export function plotLandscape(landscape: Landscape, options: PlotLandscapeOptions = {}): Figure {
  checkOptions("plotLandscape", options, ["title", "description", "width", "most", "marks"]);
  const { title = "Loss landscape", description, width = 560, marks = [] } = options;
  const { xs, ys, losses } = landscape;
  const finite = losses
    .flat()
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  if (finite.length === 0) throw new ConfigError({ message: "plotLandscape: no loss is finite" });
  const about = { title, width, ...(description !== undefined && { description }) };
  if (ys.length === 1) {
    if (marks.length > 0) throw new ConfigError({ message: "plotLandscape: a line takes no marks" });
    const points = xs.flatMap((x, i) => (Number.isFinite(losses[0]![i]!) ? [{ x, y: losses[0]![i]! }] : []));
    return plotLines({
      ...about,
      x: { label: "step along the direction" },
      y: { label: "loss", unit: "nats" },
      series: [{ name: "loss", points }],
    });
  }
  const most = options.most ?? finite[Math.floor(0.9 * (finite.length - 1))]!;
  const [low, high] = [finite[0]!, Math.max(most, finite[0]! + 1e-9)];
  const values = losses.flat().map((loss) => Math.min(Number.isFinite(loss) ? loss : high, high));
  const thresholds = Array.from({ length: 12 }, (_, i) => low + ((high - low) * i) / 12);
  const drawn: Markish[] = marks.flatMap(({ name, points }) => [
    points.length > 1
      ? lineMark([...points], { x: "x", y: "y", stroke: "#ffffff", strokeWidth: 2 })
      : dot([...points], { x: "x", y: "y", fill: "#ffffff", stroke: "#000000", r: 4 }),
    text([points.at(-1)!], {
      x: "x",
      y: "y",
      text: () => name,
      dy: -10,
      fill: "#ffffff",
      stroke: "#000000",
      paintOrder: "stroke",
    }),
  ]);
  return figure(
    {
      marginLeft: 60,
      x: { label: "across", domain: [xs[0]!, xs.at(-1)!] },
      y: { label: "up", domain: [ys[0]!, ys.at(-1)!] },
      color: { scheme: "Viridis", domain: [low, high] },
      marks: [
        contour(values, {
          width: xs.length,
          height: ys.length,
          x1: xs[0]!,
          y1: ys[0]!,
          x2: xs.at(-1)!,
          y2: ys.at(-1)!,
          value: (each: number) => each,
          fill: "value",
          thresholds,
          stroke: "#ffffff",
          strokeWidth: 0.3,
        }),
        ...drawn,
      ],
    },
    { ...about, height: Math.round(0.8 * width) },
  );
}
