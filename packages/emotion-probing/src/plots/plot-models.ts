import { checkOptions } from "@cambium/base";
import { figure, PALETTE } from "@cambium/report";
import { barX, rect, ruleX, ruleY, text } from "@observablehq/plot";
import type { NoiseCeiling } from "../inference/noise-ceiling.ts";
import { checkFinite } from "./finite.ts";
import { type DataFigure, format, type PlotOptions, withData } from "./plot-rdm.ts";

/** A model of similarity and how well it fits. */
export interface ModelBar {
  readonly name: string;
  readonly similarity: number;
  /** Ends of the interval. */
  readonly low?: number;
  readonly high?: number;
  /** Of its test: shown as `*` below 0.05, `**` below 0.01, `***` below 0.001. */
  readonly p?: number;
}

/** Settings of `plotModels`. */
export interface PlotModelsOptions extends PlotOptions {
  /** A grey band. @default none */
  readonly ceiling?: NoiseCeiling;
  /** What the bars measure. @default "similarity" */
  readonly label?: string;
}

const stars = (p: number | undefined): string =>
  p === undefined ? "" : p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "";

/** Bars of how well models fit, with intervals, the band of the noise ceiling, and stars of significance. */
export function plotModels(
  bars: readonly ModelBar[],
  options: PlotModelsOptions = {},
): DataFigure<readonly ModelBar[]> {
  checkOptions("plotModels", options, ["title", "description", "width", "ceiling", "label"]);
  const { title = "Models of similarity", width = 720, ceiling, label = "similarity", description } = options;
  checkFinite(
    "plotModels",
    bars.flatMap(({ name, similarity, low, high }) =>
      [similarity, low, high].map((value): [string, number | undefined] => [name, value]),
    ),
  );
  const rows = bars.map((bar) => ({ ...bar, mark: stars(bar.p), end: bar.high ?? Math.max(0, bar.similarity) }));
  const longest = Math.max(...bars.map(({ name }) => name.length), 1);
  const values = bars.flatMap(({ similarity, low, high }) => [similarity, low ?? 0, high ?? 0]);
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values, ceiling?.upper ?? 0)];
  const drawn = figure(
    {
      marginLeft: 20 + 7.5 * longest,
      marginTop: 8,
      marginBottom: 44,
      x: { domain: [least, most + 0.08 * (most - least || 1)], label: null, tickSize: 0 },
      y: { type: "band", domain: bars.map(({ name }) => name), label: null, tickSize: 0, padding: 0.35 },
      marks: [
        ...(ceiling === undefined
          ? []
          : [rect([ceiling], { x1: "lower", x2: "upper", fill: "currentColor", fillOpacity: 0.18 })]),
        barX(rows, { y: "name", x: "similarity", fill: PALETTE[0]!, fillOpacity: 0.85 }),
        ruleX([0], { strokeOpacity: 0.6 }),
        ruleY(
          rows.filter(({ low, high }) => low !== undefined && high !== undefined),
          { y: "name", x1: "low", x2: "high", stroke: "currentColor", strokeWidth: 1.5 },
        ),
        text(rows, { y: "name", x: "end", text: "mark", dx: 4, textAnchor: "start" }),
        text([label], { frameAnchor: "bottom", lineAnchor: "top", dy: 28, fontSize: 12 }),
      ],
    },
    {
      title,
      ...(description === undefined
        ? ceiling === undefined
          ? {}
          : { description: `The band is the noise ceiling, ${format(ceiling.lower)} to ${format(ceiling.upper)}.` }
        : { description }),
      width,
      height: 96 + 28 * bars.length,
    },
  );
  return withData(drawn, bars);
}
