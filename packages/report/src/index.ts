/**
 * Figures to SVG and reports as one HTML file, in Node or in a browser, without either's windows.
 *
 * `plotLines`, `plotBars` and `plotPoints` draw the common figures, `figure` any other from Observable Plot's options;
 * `report` puts them, with text, tables and settings, on a page that opens offline. The same data give the same bytes.
 *
 * @module
 */
export type { Axis } from "./axis.ts";
export { type Figure, type FigureOptions, figure } from "./figure.ts";
export type { LegendEntry } from "./legend.ts";
export { PALETTE, type SeriesStyle, seriesStyle } from "./palette.ts";
export { type LinePoint, type LineSeries, type PlotLinesOptions, plotLines } from "./plot-lines.ts";
export { type PlotRowsOptions, plotBars, plotPoints, type Row } from "./plot-rows.ts";
export {
  type Block,
  type Code,
  code,
  type Fold,
  fold,
  type Report,
  type ReportOptions,
  report,
  type Section,
} from "./report.ts";
export { type Settings, settings } from "./settings.ts";
export { type Cell, type Column, type Table, table } from "./table.ts";
export { textTable } from "./text-table.ts";
