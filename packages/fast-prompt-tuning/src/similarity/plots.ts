/** Figures: how alike prompts are, and what a run reached for what it spent. */
import { ConfigError, checkOptions } from "@cambium/base";
import { type Figure, figure, plotLines } from "@cambium/report";
import { rect, text } from "@observablehq/plot";

/** Settings of `plotMatrix`. */
export interface PlotMatrixOptions {
  readonly title: string;
  readonly description?: string;
  /** Digits behind the point. @default 2 */
  readonly digits?: number;
}

const CELL = 54;

/**
 * A heat map of a square matrix with its numbers: similarities of prompts, or scores of prompts in other parts. Dark is the least.
 *
 * @param names - Of rows and columns.
 * @throws {ConfigError} When the matrix is not as large as there are names.
 */
export function plotMatrix(
  names: readonly string[],
  matrix: readonly (readonly number[])[],
  options: PlotMatrixOptions,
): Figure {
  checkOptions("plotMatrix", options, ["title", "description", "digits"]);
  const { digits = 2, ...about } = options;
  const size = names.length;
  if (size === 0 || matrix.length !== size || matrix.some((row) => row.length !== size || !row.every(Number.isFinite)))
    throw new ConfigError({
      message: `plotMatrix: the matrix must have ${size} rows of ${size} finite numbers, one for each name`,
    });
  const cells = matrix.flatMap((row, y) => row.map((value, x) => ({ x, y, value })));
  const values = cells.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const longest = Math.max(...names.map((name) => name.length));
  const label = Math.min(220, 16 + 7 * longest);
  const isLight = (value: number): boolean => (value - low) / (high - low || 1) > 0.55;
  const written = (light: boolean) =>
    text(
      cells.filter(({ value }) => isLight(value) === light),
      {
        x: ({ x }) => x + 0.5,
        y: ({ y }) => y + 0.5,
        text: ({ value }) => value.toFixed(digits),
        fill: light ? "black" : "white",
      },
    );
  return figure(
    {
      marginLeft: label,
      marginBottom: 40,
      x: { domain: [0, size], axis: null },
      y: { domain: [size, 0], axis: null },
      color: { type: "linear", scheme: "cividis", domain: low === high ? [low - 1, high] : [low, high] },
      marks: [
        rect(cells, { x1: "x", x2: ({ x }) => x + 1, y1: "y", y2: ({ y }) => y + 1, fill: "value" }),
        written(true),
        written(false),
        text(names, { x: 0, y: (_, i) => i + 0.5, text: (name) => name, textAnchor: "end", dx: -6 }),
        text(names, { x: (_, i) => i + 0.5, y: size, text: (name) => name, dy: 14 }),
      ],
    },
    { ...about, width: label + 40 + CELL * Math.max(4, size), height: 110 + CELL * size },
  );
}

/** A run's scores on the way. */
export interface LearningCurve {
  readonly name: string;
  /** Scores of the whole model. */
  readonly points: readonly { readonly flops: number; readonly elapsedMs: number; readonly score: number }[];
  /** Where the model grew, in operations and in milliseconds. @default none */
  readonly growths?: readonly { readonly flops: number; readonly elapsedMs: number }[];
}

/** Settings of `plotCurves`. */
export interface PlotCurvesOptions {
  readonly title?: string;
  /** What the score is. */
  readonly score: { readonly label: string; readonly unit?: string };
}

/**
 * Scores against operations, and against seconds: always both, since one can be saved without the other.
 *
 * @throws {ConfigError} For curves without points.
 */
export function plotCurves(
  curves: readonly LearningCurve[],
  options: PlotCurvesOptions,
): readonly [flops: Figure, seconds: Figure] {
  checkOptions("plotCurves", options, ["title", "score"]);
  const { title = "Score and cost", score } = options;
  const empty = curves.find(({ points }) => points.length === 0);
  if (curves.length === 0 || empty !== undefined)
    throw new ConfigError({
      message: `plotCurves: ${empty === undefined ? "there is no curve" : `"${empty.name}" has no points`}`,
    });
  const marked = curves.filter(({ growths = [] }) => growths.length > 0);
  const draw = (
    x: { readonly label: string; readonly unit: string },
    at: (spent: { flops: number; elapsedMs: number }) => number,
  ): Figure =>
    plotLines({
      title: `${title}: by ${x.label}`,
      ...(marked.length > 0 && {
        description: marked
          .map(
            ({ name, growths = [] }) =>
              `${name} grows at ${growths.map((each) => at(each).toPrecision(3)).join(", ")} ${x.unit}.`,
          )
          .join(" "),
      }),
      x,
      y: score,
      series: curves.map(({ name, points }) => ({
        name,
        points: points.map((point) => ({ x: at(point), y: point.score })),
      })),
    });
  return [
    draw({ label: "operations", unit: "GFLOP" }, ({ flops }) => flops / 1e9),
    draw({ label: "wall clock", unit: "s" }, ({ elapsedMs }) => elapsedMs / 1000),
  ];
}
