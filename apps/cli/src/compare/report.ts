/** A comparison as a table, in text and as a page. */
import { wilson } from "@cambium/evaluation";
import { type Report, report, table as showTable, type Table, textTable } from "@cambium/report";
import type { MethodResult } from "./method-job.ts";

/** What decides: accuracy of classes with its interval, or the error of numbers. */
function scoreOf({ metrics, rows }: MethodResult): {
  readonly value: number;
  readonly cells: readonly (string | number)[];
} {
  const { accuracy, macroF1, rootMeanSquaredError: error } = metrics;
  if (accuracy === undefined) return { value: -error!, cells: [error!] };
  const { low, high } = wilson(Math.round(accuracy * rows), rows);
  return {
    value: accuracy,
    cells: [100 * accuracy, `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}`, macroF1!],
  };
}

/** The results, the best first. */
export function comparisonTable(results: readonly MethodResult[]): Pick<Table, "columns" | "rows"> {
  const sorted = results.toSorted((a, b) => scoreOf(b).value - scoreOf(a).value);
  const isClasses = results[0]?.metrics["accuracy"] !== undefined;
  return {
    columns: [
      { name: "method" },
      ...(isClasses
        ? [{ name: "accuracy", unit: "%", digits: 1 }, { name: "95 % interval" }, { name: "macro F1", digits: 3 }]
        : [{ name: "root mean squared error", digits: 4 }]),
      { name: "trains", digits: 0 },
      { name: "step", unit: "ms", digits: 1 },
      { name: "in all", unit: "s", digits: 1 },
      { name: "memory", unit: "MiB", digits: 0 },
      { name: "adapter", unit: "KiB", digits: 1 },
      { name: "rate", digits: 5 },
      { name: "rates tried" },
      { name: "settings" },
    ],
    rows: sorted.map((result) => [
      result.method,
      ...scoreOf(result).cells,
      result.trained,
      result.stepMs,
      result.totalMs / 1000,
      result.peakBytes / 2 ** 20,
      result.fileBytes / 1024,
      result.learningRate,
      result.tried.map(({ learningRate }) => learningRate).join(", "),
      JSON.stringify(result.settings),
    ]),
  };
}

export const comparisonText = (results: readonly MethodResult[]): string =>
  textTable(comparisonTable(results)).trimEnd();

/** What a reader has to know of the numbers. */
export const CAVEATS =
  "One seed. Of the rates that were tried, the rows to develop by chose; a best rate at the edge of those tried may have a better one beyond. Intervals (Wilson, 95 %) are of the test rows alone: methods whose intervals overlap are not told apart. Memory is the most that the process had, program and runtime included.";

/** The page of a comparison. */
export function comparisonPage(results: readonly MethodResult[], title: string, left: readonly string[]): Report {
  return report({
    title,
    sections: [
      {
        title: "Results",
        blocks: [
          showTable({ caption: `On ${results[0]?.rows ?? 0} rows that were never seen`, ...comparisonTable(results) }),
          CAVEATS,
        ],
      },
      ...(left.length === 0 ? [] : [{ title: "Not compared", blocks: left }]),
    ],
  });
}
