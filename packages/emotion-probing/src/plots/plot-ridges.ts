import { ConfigError, checkOptions } from "@cambium/base";
import { figure, PALETTE } from "@cambium/report";
import { areaY, line, ruleX, text } from "@observablehq/plot";
import { type DataFigure, type PlotOptions, withData } from "./plot-rdm.ts";

/** Settings of `plotRidges`. */
export interface PlotRidgesOptions extends PlotOptions {
  /** Name of the axis, with its unit. */
  readonly label: string;
  /** A value that is marked in each row, such as the observed one. @default none */
  readonly marks?: Readonly<Record<string, number>>;
}

/** A point of a density. */
export interface RidgePoint {
  readonly name: string;
  readonly x: number;
  readonly density: number;
}

const STEPS = 120;

/**
 * Distributions one above the other, as densities by a normal kernel of Silverman's width: drops of random sets, taus of layers.
 *
 * @param lists - Values by name, from top to bottom, each of two at least.
 * @see Silverman 1986, Density estimation for statistics and data analysis, equation 3.31.
 */
export function plotRidges(
  lists: Readonly<Record<string, ArrayLike<number>>>,
  options: PlotRidgesOptions,
): DataFigure<readonly RidgePoint[]> {
  checkOptions("plotRidges", options, ["title", "description", "width", "label", "marks"]);
  const { title = "Distributions", description, width = 720, label, marks = {} } = options;
  const names = Object.keys(lists);
  const unknown = Object.keys(marks).find((name) => !names.includes(name));
  const bad = names.find((name) => lists[name]!.length < 2 || !Array.from(lists[name]!).every(Number.isFinite));
  if (names.length === 0 || bad !== undefined || unknown !== undefined) {
    throw new ConfigError({
      message: `plotRidges: ${unknown !== undefined ? `there is no list "${unknown}" to mark` : `lists of two finite values at least are needed${bad === undefined ? "" : `; "${bad}" is none`}`}`,
    });
  }
  const all = [...names.flatMap((name) => Array.from(lists[name]!)), ...Object.values(marks)];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const pad = 0.08 * (most - least || 1);
  const places = Array.from({ length: STEPS + 1 }, (_, i) => least - pad + ((most - least + 2 * pad) * i) / STEPS);
  const points = names.flatMap((name) => {
    const density = densityOf(Array.from(lists[name]!), (most - least || 1) / 100);
    return places.map((x) => ({ name, x, density: density(x) }));
  });
  const highest = new Map(
    names.map((name) => [name, Math.max(...points.filter((p) => p.name === name).map((p) => p.density))]),
  );
  const row = (name: string): number => names.length - 1 - names.indexOf(name);
  const top = ({ name, density }: RidgePoint): number => row(name) + (1.4 * density) / highest.get(name)!;
  const drawn = figure(
    {
      marginLeft: 20 + 7.5 * Math.max(...names.map(({ length }) => length)),
      marginTop: 8,
      marginBottom: 44,
      x: { domain: [places[0]!, places.at(-1)!], label, labelAnchor: "center", labelArrow: "none" },
      y: { domain: [-0.1, names.length + 0.5], axis: null },
      marks: [
        ...names.flatMap((name) => {
          const own = points.filter((point) => point.name === name);
          return [
            areaY(own, { x: "x", y1: row(name), y2: top, fill: PALETTE[0]!, fillOpacity: 0.55 }),
            line(own, { x: "x", y: top, stroke: "currentColor", strokeWidth: 1 }),
          ];
        }),
        ruleX(
          names.filter((name) => marks[name] !== undefined),
          { x: (name) => marks[name]!, y1: row, y2: (name) => row(name) + 0.9, strokeWidth: 2 },
        ),
        text(names, { x: places[0]!, dx: -8, y: (name) => row(name) + 0.2, text: (name) => name, textAnchor: "end" }),
      ],
    },
    { title, ...(description !== undefined && { description }), width, height: 110 + 44 * names.length },
  );
  return withData(drawn, points);
}

/** `least` keeps a list of equal values from a width of zero. */
function densityOf(values: readonly number[], least: number): (x: number) => number {
  const sorted = values.toSorted((a, b) => a - b);
  const quartile = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  const range = (quartile(0.75) - quartile(0.25)) / 1.34;
  const spread = range > 0 ? Math.min(deviation, range) : deviation;
  const bandwidth = Math.max(least, 0.9 * spread * values.length ** -0.2);
  return (x) =>
    values.reduce((sum, value) => sum + Math.exp(-0.5 * ((x - value) / bandwidth) ** 2), 0) /
    (values.length * bandwidth * Math.sqrt(2 * Math.PI));
}
