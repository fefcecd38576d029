/** Figures and tables of what the reports found. */
import { ConfigError, checkOptions } from "@cambium/base";
import { type Figure, figure, plotLines, type Table, table } from "@cambium/report";
import { rect, text } from "@observablehq/plot";
import type { HeadSimilarity } from "./attention-similarity.ts";
import type { Cka } from "./cka.ts";
import type { CompatibilityReport } from "./compatibility-report.ts";
import { convergenceReport, type LearningCurve } from "./convergence.ts";
import type { FlipReport } from "./flips.ts";

/** Settings of figures. */
export interface PlotOptions {
  readonly title?: string;
}

const CELL = 54;

/** A heat map with its numbers; dark is the least. */
function heatMap(
  rows: readonly string[],
  columns: readonly string[],
  matrix: readonly (readonly number[])[],
  about: { readonly title: string; readonly description: string; readonly digits: number },
): Figure {
  const { digits, ...rest } = about;
  const cells = matrix.flatMap((row, y) => row.map((value, x) => ({ x, y, value })));
  if (cells.length === 0 || cells.some(({ value }) => !Number.isFinite(value)))
    throw new ConfigError({ message: `plot: "${about.title}" needs numbers, all of them finite` });
  const values = cells.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const label = Math.min(260, 16 + 7 * Math.max(...rows.map(({ length }) => length)));
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
      x: { domain: [0, columns.length], axis: null },
      y: { domain: [rows.length, 0], axis: null },
      color: { type: "linear", scheme: "cividis", domain: low === high ? [low - 1, high] : [low, high] },
      marks: [
        rect(cells, { x1: "x", x2: ({ x }) => x + 1, y1: "y", y2: ({ y }) => y + 1, fill: "value" }),
        written(true),
        written(false),
        text(rows, { x: 0, y: (_, i) => i + 0.5, text: (name) => name, textAnchor: "end", dx: -6 }),
        text(columns, { x: (_, i) => i + 0.5, y: rows.length, text: (name) => name, dy: 14 }),
      ],
    },
    { ...rest, width: label + 40 + CELL * Math.max(5, columns.length), height: 120 + CELL * rows.length },
  );
}

/**
 * Scores of an old delta on newer and newer models, by their steps; controls without steps stand in the description.
 *
 * @throws {ConfigError} When no model has steps.
 */
export function plotDecay(reports: Readonly<Record<string, CompatibilityReport>>, options: PlotOptions = {}): Figure {
  checkOptions("plotDecay", options, ["title"]);
  const of = ({ accuracy, loss }: CompatibilityReport["reference"]): number => accuracy ?? loss;
  const all = Object.values(reports);
  const isAccuracy = all.every(({ reference }) => reference.accuracy !== undefined);
  const series = Object.entries(reports).map(([name, { reference, checkpoints }]) => ({
    name,
    points: [
      { x: 0, y: of(reference) },
      ...checkpoints.flatMap(({ step, score }) => (step === undefined ? [] : [{ x: step, y: of(score) }])),
    ].sort((a, b) => a.x - b.x),
  }));
  if (series.every(({ points }) => points.length < 2))
    throw new ConfigError({ message: "plotDecay: no model has steps; give checkpoints their step" });
  const said = Object.entries(reports).flatMap(([name, { baseline, checkpoints }]) => [
    ...(baseline === undefined ? [] : [`${name}: a constant answer scores ${of(baseline).toFixed(3)}`]),
    ...checkpoints.flatMap((each) =>
      each.step === undefined ? [`${name} on ${each.name}: ${of(each.score).toFixed(3)}`] : [],
    ),
  ]);
  return plotLines({
    title: options.title ?? "An old delta on newer models",
    description: `Without training; step 0 is the model that it was trained on. ${said.join("; ")}.`,
    x: { label: "steps of continued pretraining" },
    y: isAccuracy ? { label: "accuracy" } : { label: "loss", unit: "nats" },
    series,
  });
}

/** How alike heads at one index attend, by layer and head. */
export function plotHeads(similarity: HeadSimilarity, options: PlotOptions = {}): Figure {
  checkOptions("plotHeads", options, ["title"]);
  const { same, meanSame, meanOther, matched } = similarity;
  const other = Number.isNaN(meanOther) ? "" : `, of other heads ${meanOther.toFixed(2)}`;
  return heatMap(
    same.map((_, layer) => `layer ${layer}`),
    same[0]?.map((_, head) => `head ${head}`) ?? [],
    same,
    {
      title: options.title ?? "Heads that attend alike",
      description: `1 − JS / ln 2 of attention. Mean ${meanSame.toFixed(2)}${other}; ${(100 * matched).toFixed(0)} % of the heads are most like the one at their index.`,
      digits: 2,
    },
  );
}

/** Alignment of each layer of one model with each of another. */
export function plotCka(found: Cka, options: PlotOptions = {}): Figure {
  checkOptions("plotCka", options, ["title"]);
  const [left, right] = found.sites;
  return heatMap(
    [...left],
    right.map((_, i) => `${i}`),
    found.matrix,
    {
      title: options.title ?? "Layers that represent alike",
      description: `Linear CKA over ${found.rows} rows; columns are the second model's, in the order of the rows.`,
      digits: 2,
    },
  );
}

/** Rows by what an old model made of them, and what a new one does. */
export function plotFlips({ matrix, rows, negativeFlips, netGain }: FlipReport, options: PlotOptions = {}): Figure {
  checkOptions("plotFlips", options, ["title"]);
  return heatMap(["was right", "was wrong"], ["is right", "is wrong"], matrix, {
    title: options.title ?? "What the update changed",
    description: `${rows} rows: ${(100 * negativeFlips).toFixed(1)} % were right and are wrong; accuracy gained ${(100 * netGain).toFixed(1)} points.`,
    digits: 0,
  });
}

/**
 * Learning curves, with the steps to 95 % of what the reference reaches at best.
 *
 * @throws {ConfigError} As `convergenceReport`.
 */
export function plotConvergence(
  curves: readonly LearningCurve[],
  reference: string,
  options: PlotOptions & { readonly score?: string } = {},
): Figure {
  checkOptions("plotConvergence", options, ["title", "score"]);
  const steps = convergenceReport(curves, reference).map(({ name, stepsTo }) => `${name} ${stepsTo["95"] ?? "never"}`);
  return plotLines({
    title: options.title ?? "How fast each start learns",
    description: `Steps to 95 % of the best of "${reference}": ${steps.join(", ")}.`,
    x: { label: "steps" },
    y: { label: options.score ?? "accuracy" },
    series: curves.map(({ name, points }) => ({
      name,
      points: points.map(({ step, score }) => ({ x: step, y: score })),
    })),
  });
}

/** What became of a delta of one task as the start for another. */
export interface RelationResult {
  readonly source: string;
  readonly target: string;
  readonly relation: "same" | "same family" | "other";
  /** Scores by method, such as `{ "random init": 0.8, initialise: 0.9 }`. */
  readonly scores: Readonly<Record<string, number>>;
}

/**
 * A table of scores by relation of tasks and by method: means over the pairs of tasks of a relation.
 *
 * @throws {ConfigError} When there are no results.
 */
export function relationTable(results: readonly RelationResult[]): Table {
  const methods = [...new Set(results.flatMap(({ scores }) => Object.keys(scores)))];
  if (results.length === 0 || methods.length === 0)
    throw new ConfigError({ message: "relationTable: there are no results" });
  const relations = ["same", "same family", "other"] as const;
  const mean = (values: readonly number[]): number | undefined =>
    values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
  return table({
    caption: "Scores by what the old task has to do with the new one",
    columns: [{ name: "relation" }, { name: "pairs" }, ...methods.map((name) => ({ name, digits: 3 }))],
    rows: relations.flatMap((relation) => {
      const own = results.filter((each) => each.relation === relation);
      if (own.length === 0) return [];
      const values = methods.map((method) =>
        mean(own.flatMap(({ scores }) => (scores[method] === undefined ? [] : [scores[method]]))),
      );
      return [[relation, own.length, ...values]];
    }),
  });
}
