import { ConfigError, checkOptions } from "@cambium/base";
import { figure, PALETTE } from "@cambium/report";
import { areaY, dot, line, text } from "@observablehq/plot";
import { quantile, studentTail } from "../inference/distributions.ts";
import { type DataFigure, type PlotOptions, withData } from "./plot-rdm.ts";

/** A point with its name. */
export interface ScatterPoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** Settings of `plotScatter`. */
export interface PlotScatterOptions extends PlotOptions {
  /** Names of the axes, with units where there are any. */
  readonly x: string;
  readonly y: string;
  /** Share of intervals that are to hold the true line. @default 0.95 */
  readonly level?: number;
  /** Whether names stand beside the points. @default up to 40 points */
  readonly names?: boolean;
}

const STEPS = 40;

/**
 * Points with the line of least squares, and the band in which its mean lies as far as independent points tell.
 *
 * Of fewer than three points, or where x does not vary, there is no line.
 */
export function plotScatter(
  points: readonly ScatterPoint[],
  options: PlotScatterOptions,
): DataFigure<readonly ScatterPoint[]> {
  checkOptions("plotScatter", options, ["title", "description", "width", "x", "y", "level", "names"]);
  const { title = "Two measures", description, width = 640, x, y, level = 0.95, names = points.length <= 40 } = options;
  const strange = points.find((point) => !Number.isFinite(point.x) || !Number.isFinite(point.y));
  if (points.length === 0 || strange !== undefined || !(level > 0 && level < 1)) {
    throw new ConfigError({
      message:
        strange !== undefined
          ? `plotScatter: the point "${strange.name}" is at (${strange.x}, ${strange.y})`
          : `plotScatter: at least one point and a level between 0 and 1 are needed, got ${points.length} and ${level}`,
    });
  }
  const fitted = fitLine(points, level);
  const drawn = figure(
    {
      marginLeft: 64,
      marginRight: 24,
      marginBottom: 48,
      x: { label: x, nice: true, labelAnchor: "center", labelArrow: "none" },
      y: { label: y, nice: true, grid: true, labelArrow: "none" },
      marks: [
        areaY(fitted, { x: "x", y1: "low", y2: "high", fill: "currentColor", fillOpacity: 0.12 }),
        line(fitted, { x: "x", y: "y", stroke: "currentColor", strokeWidth: 1.5 }),
        dot(points, { x: "x", y: "y", r: 4, fill: PALETTE[0]! }),
        ...(names ? [text(points, { x: "x", y: "y", text: "name", dy: -9, fontSize: 11 })] : []),
      ],
    },
    { title, ...(description !== undefined && { description }), width, height: Math.round(0.7 * width) },
  );
  return withData(drawn, points);
}

/** The line at some places, with its band. */
function fitLine(points: readonly ScatterPoint[], level: number) {
  const count = points.length;
  const mean = (of: (point: ScatterPoint) => number): number => points.reduce((sum, p) => sum + of(p), 0) / count;
  const [middleX, middleY] = [mean((p) => p.x), mean((p) => p.y)];
  const spread = points.reduce((sum, p) => sum + (p.x - middleX) ** 2, 0);
  if (count < 3 || spread === 0) return [];
  const slope = points.reduce((sum, p) => sum + (p.x - middleX) * (p.y - middleY), 0) / spread;
  const at = (x: number): number => middleY + slope * (x - middleX);
  const error = Math.sqrt(points.reduce((sum, p) => sum + (p.y - at(p.x)) ** 2, 0) / (count - 2));
  const t = quantile((value) => studentTail(value, count - 2), (1 - level) / 2);
  const [low, high] = [Math.min(...points.map((p) => p.x)), Math.max(...points.map((p) => p.x))];
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const x = low + ((high - low) * i) / STEPS;
    const half = t * error * Math.sqrt(1 / count + (x - middleX) ** 2 / spread);
    return { x, y: at(x), low: at(x) - half, high: at(x) + half };
  });
}
