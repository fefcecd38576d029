import { ConfigError, checkOptions } from "@cambium/base";
import type { Unit } from "@cambium/models";
import { figure, PALETTE } from "@cambium/report";
import { barY, rect, text } from "@observablehq/plot";
import { keyOf } from "../neurons/scores.ts";
import { colorOf } from "./color-maps.ts";
import { type DataFigure, type PlotOptions, withData } from "./plot-rdm.ts";

/** A count of neurons in a layer. */
export interface LayerCount {
  readonly set: string;
  readonly layer: number;
  readonly count: number;
}

/** Settings of `plotLayers`. */
export interface PlotLayersOptions extends PlotOptions {
  /** How many layers the model has. */
  readonly layers: number;
}

/** How many neurons of each set are in each layer: a panel for each set. */
export function plotLayers(
  sets: Readonly<Record<string, readonly Unit[]>>,
  options: PlotLayersOptions,
): DataFigure<readonly LayerCount[]> {
  checkOptions("plotLayers", options, ["title", "description", "width", "layers"]);
  const { title = "Neurons by layer", description, width = 720, layers } = options;
  const names = Object.keys(sets);
  if (names.length === 0) throw new ConfigError({ message: "plotLayers: at least one set is needed" });
  const counts = names.flatMap((set) =>
    Array.from({ length: layers }, (_, layer) => ({
      set,
      layer,
      count: sets[set]!.filter((unit) => unit.layer === layer).length,
    })),
  );
  const drawn = figure(
    {
      marginLeft: 48,
      marginTop: 8,
      marginBottom: 44,
      marginRight: 20 + 7 * Math.max(...names.map(({ length }) => length)),
      x: { type: "band", label: "layer", tickSize: 0 },
      y: { label: null, ticks: 3, grid: true },
      fy: { label: null, domain: names, padding: 0.25 },
      marks: [barY(counts, { x: "layer", y: "count", fy: "set", fill: PALETTE[1]! })],
    },
    { title, ...(description !== undefined && { description }), width, height: 96 + 70 * names.length },
  );
  return withData(drawn, counts);
}

/** A neuron of a staircase. */
export interface StaircaseCell {
  readonly set: string;
  /** Column: the neuron, in the order in which sets first have it. */
  readonly neuron: number;
  /** From 1, the best, in its set. */
  readonly rank: number;
}

/**
 * The neurons of all sets side by side, by the first set that has them and their rank in it; each row shows where a set has
 * them too. Colour is the rank, grey what a set has not. Disjoint sets make a staircase.
 *
 * @param sets - By name, each with its best neuron first.
 */
export function plotStaircase(
  sets: Readonly<Record<string, readonly Unit[]>>,
  options: PlotOptions = {},
): DataFigure<readonly StaircaseCell[]> {
  checkOptions("plotStaircase", options, ["title", "description", "width"]);
  const { title = "Neurons shared by sets", description, width = 800 } = options;
  const names = Object.keys(sets);
  const column = new Map<string, number>();
  for (const name of names)
    for (const unit of sets[name]!) if (!column.has(keyOf(unit))) column.set(keyOf(unit), column.size);
  if (column.size === 0) throw new ConfigError({ message: "plotStaircase: at least one neuron is needed" });
  const cells = names.flatMap((set) =>
    sets[set]!.map((unit, i) => ({ set, neuron: column.get(keyOf(unit))!, rank: i + 1 })),
  );
  const color = colorOf("plotStaircase", "viridis");
  const share = ({ set, rank }: StaircaseCell): number => 1 - (rank - 1) / Math.max(1, sets[set]!.length - 1);
  const margin = 20 + 7.5 * Math.max(...names.map(({ length }) => length));
  const row = ({ set }: StaircaseCell): number => names.indexOf(set);
  const drawn = figure(
    {
      marginLeft: margin,
      marginTop: 8,
      marginBottom: 44,
      x: { domain: [0, column.size], label: "neuron", tickSize: 0 },
      y: { domain: [names.length, 0], axis: null },
      marks: [
        rect(names, {
          x1: 0,
          x2: column.size,
          y1: (_, i) => i + 0.08,
          y2: (_, i) => i + 0.92,
          fill: "currentColor",
          fillOpacity: 0.12,
        }),
        rect(cells, {
          x1: "neuron",
          x2: (c) => c.neuron + 1,
          y1: (c) => row(c) + 0.08,
          y2: (c) => row(c) + 0.92,
          fill: (c) => color(share(c)),
        }),
        text(names, { x: 0, dx: -8, y: (_, i) => i + 0.5, text: (name) => name, textAnchor: "end", fontSize: 12 }),
      ],
    },
    { title, ...(description !== undefined && { description }), width, height: 90 + 26 * names.length },
  );
  return withData(drawn, cells);
}
