import { ConfigError, checkOptions } from "@cambium/base";
import type { Unit } from "@cambium/models";
import { figure } from "@cambium/report";
import { rect, text } from "@observablehq/plot";
import { colorOf } from "./color-maps.ts";
import { checkFinite } from "./finite.ts";
import { type DataFigure, format, type PlotOptions, withData } from "./plot-rdm.ts";

/** A neuron that is shown, and its value. */
export interface StripUnit extends Unit {
  readonly value: number;
}

/** Settings of `plotStrip`. */
export interface PlotStripOptions extends PlotOptions {
  /** Neurons of each layer, from the first. */
  readonly widths: readonly number[];
}

/** One stripe. */
export interface StripCell extends StripUnit {
  readonly set: string;
}

/** Bins across the figure: more neurons than this share a stripe, which shows the greatest of them. */
const BINS = 600;

/**
 * Every neuron of a model from left to right, layer after layer, and in each row those of a set as stripes in the colour of their value;
 * the rest stays grey. For what a searchlight finds significant.
 *
 * @param sets - By name; an attribute and its neurons with their correlations.
 * @throws {ConfigError} For a unit that no layer has.
 */
export function plotStrip(
  sets: Readonly<Record<string, readonly StripUnit[]>>,
  options: PlotStripOptions,
): DataFigure<readonly StripCell[]> {
  checkOptions("plotStrip", options, ["title", "description", "width", "widths"]);
  const { title = "Neurons by layer", description, width = 900, widths } = options;
  const names = Object.keys(sets);
  const starts = widths.map((_, layer) => widths.slice(0, layer).reduce((sum, n) => sum + n, 0));
  const total = widths.reduce((sum, n) => sum + n, 0);
  const cells = names.flatMap((set) => sets[set]!.map((unit) => ({ set, ...unit })));
  const wrong = cells.find(({ layer, unit }) => !(unit >= 0 && unit < (widths[layer ?? -1] ?? 0)));
  if (names.length === 0 || wrong !== undefined) {
    throw new ConfigError({
      message:
        wrong === undefined
          ? "plotStrip: at least one set is needed"
          : `plotStrip: there is no unit ${wrong.unit} in layer ${wrong.layer} of ${widths.length} layers`,
    });
  }
  checkFinite(
    "plotStrip",
    cells.map(({ set, layer, unit, value }) => [`${set}, unit ${unit} of layer ${layer}`, value]),
  );
  const size = Math.max(1, total / BINS);
  const bins = new Map<string, { readonly row: number; readonly bin: number; value: number }>();
  for (const { set, layer, unit, value } of cells) {
    const [row, bin] = [names.indexOf(set), Math.floor((starts[layer!]! + unit) / size)];
    const known = bins.get(`${row} ${bin}`);
    if (known === undefined) bins.set(`${row} ${bin}`, { row, bin, value });
    else known.value = Math.max(known.value, value);
  }
  const values = cells.map(({ value }) => value);
  const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  const color = colorOf("plotStrip", "magma");
  const shade = (value: number): string => color(0.15 + 0.8 * (high > low ? (value - low) / (high - low) : 1));
  const margin = 20 + 7.5 * Math.max(...names.map(({ length }) => length));
  const drawn = figure(
    {
      marginLeft: margin,
      marginTop: 8,
      marginBottom: 40,
      x: { domain: [0, total], axis: null },
      y: { domain: [names.length, 0], axis: null },
      marks: [
        rect(
          names.flatMap((_, row) => widths.map((n, layer) => ({ row, from: starts[layer]!, to: starts[layer]! + n }))),
          {
            x1: "from",
            x2: "to",
            y1: ({ row }) => row + 0.08,
            y2: ({ row }) => row + 0.92,
            insetLeft: 1,
            fill: "currentColor",
            fillOpacity: 0.1,
          },
        ),
        rect([...bins.values()], {
          x1: ({ bin }) => bin * size,
          x2: ({ bin }) => (bin + 1) * size,
          y1: ({ row }) => row + 0.08,
          y2: ({ row }) => row + 0.92,
          fill: ({ value }) => shade(value),
        }),
        text(names, { x: 0, dx: -8, y: (_, i) => i + 0.5, text: (name) => name, textAnchor: "end", fontSize: 12 }),
        text(widths as number[], {
          x: (n: number, layer: number) => starts[layer]! + n / 2,
          y: names.length,
          dy: 12,
          text: (_, layer: number) => `${layer}`,
          fontSize: 11,
        }),
        text(["layer"], { frameAnchor: "bottom", lineAnchor: "top", dy: 24, fontSize: 12 }),
      ],
    },
    {
      title,
      description: description ?? `Coloured from ${format(low)} (dark) to ${format(high)} (bright).`,
      width,
      height: 104 + 26 * names.length,
      ...(high > low && {
        legend: [low, (low + high) / 2, high].map((value) => ({ name: format(value), color: shade(value) })),
      }),
    },
  );
  return withData(drawn, cells);
}
