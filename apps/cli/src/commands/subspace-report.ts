/** The pages that `cambium subspace` writes into its folders: what was measured, with figures. */
import { folder } from "@cambium/base";
import { type Block, plotLines, report, type Section, table } from "@cambium/report";

const PAGE = "report.html";

/** What a fit came to. */
export interface FitFindings {
  readonly dimension: number;
  readonly methods: readonly string[];
  readonly tasks: readonly string[];
  /** Share that 1, 2, … directions hold. */
  readonly explained: readonly number[];
  /** Distance of each decoded solution from it, next to its length, by task and method. */
  readonly errors: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Coordinates of the solutions, by task and method. */
  readonly coordinates: ReadonlyMap<string, ReadonlyMap<string, Float32Array>>;
}

const write = (at: string, title: string, summary: string, sections: readonly Section[]): Promise<void> =>
  folder(at).write(PAGE, report({ title, summary, sections }).html());

const coordinateColumns = (dimension: number) =>
  Array.from({ length: dimension }, (_, i) => ({ name: `z${i + 1}`, digits: 3 }));

/** The page of `subspace fit`. */
export function writeFitReport(at: string, found: FitFindings): Promise<void> {
  const { dimension, methods, tasks, explained, errors, coordinates } = found;
  const share = explained[Math.min(dimension, explained.length) - 1] ?? 0;
  const curve = plotLines({
    title: "What few directions hold",
    x: { label: "directions" },
    y: { label: "share of squared offsets", unit: "%" },
    series: [{ name: "all methods", points: explained.map((value, i) => ({ x: i + 1, y: 100 * value })) }],
  });
  const off = table({
    caption: "How far each decoded solution is from it, in percent of its length",
    columns: [{ name: "task" }, ...methods.map((name) => ({ name, unit: "%", digits: 1 }))],
    rows: tasks.map((task) => [task, ...methods.map((name) => 100 * (errors[task]?.[name] ?? Number.NaN))]),
  });
  const places = table({
    caption: "Coordinates of the solutions: those of one task by two methods are to be alike",
    columns: [{ name: "task" }, { name: "method" }, ...coordinateColumns(dimension)],
    rows: tasks.flatMap((task) => methods.map((name) => [task, name, ...(coordinates.get(task)?.get(name) ?? [])])),
  });
  const warning: Block[] =
    dimension < tasks.length
      ? []
      : [`${dimension} coordinates for ${tasks.length} tasks hold any solutions: the shares above say nothing.`];
  return write(
    at,
    `A subspace of ${tasks.length} tasks`,
    `${dimension} coordinates hold ${(100 * share).toFixed(1)} % of what ${tasks.length} tasks differ by, for ${methods.join(" and ")}.`,
    [
      { title: "Directions", blocks: [curve, ...warning] },
      { title: "Solutions", blocks: [off, places] },
    ],
  );
}

/** The page of `subspace optimise`. */
export function writeOptimiseReport(
  at: string,
  found: {
    readonly method: string;
    readonly space: string;
    readonly coordinates: readonly number[];
    readonly losses: readonly { readonly step: number; readonly loss: number }[];
  },
): Promise<void> {
  const { method, space, coordinates, losses } = found;
  const curve = plotLines({
    title: "Loss while the coordinates are trained",
    x: { label: "step" },
    y: { label: "loss", unit: "nats" },
    series: [{ name: method, points: losses.map(({ step, loss }) => ({ x: step, y: loss })) }],
  });
  const where = table({ caption: "Coordinates", columns: coordinateColumns(coordinates.length), rows: [coordinates] });
  return write(
    at,
    "A task in a subspace",
    `${coordinates.length} coordinates of ${space}, decoded by ${method}, after ${losses.at(-1)?.step ?? 0} steps.`,
    [{ title: "Training", blocks: [curve, where] }],
  );
}

/** The page of `subspace transfer`. */
export function writeTransferReport(
  at: string,
  found: {
    readonly from: string;
    readonly method: string;
    readonly space: string;
    readonly coordinates: readonly number[];
  },
): Promise<void> {
  const { from, method, space, coordinates } = found;
  return write(
    at,
    "A solution by another method",
    `Coordinates that ${from} found in ${space}, decoded by ${method} without any training.`,
    [
      {
        title: "Coordinates",
        blocks: [
          table({ caption: "Coordinates", columns: coordinateColumns(coordinates.length), rows: [coordinates] }),
          "How well it does is measured on rows: cambium predict with the adapter, beside the one that was trained.",
        ],
      },
    ],
  );
}
