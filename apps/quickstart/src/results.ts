/** Accuracies with their intervals, as a table and as the first page's figure. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Interval, measureInterval } from "@cambium/experiments";
import { plotPoints, type Table, table } from "@cambium/report";
import type { Found } from "./kept.ts";
import { PER_CLASS, SAPLING, SEEDS } from "./plan.ts";

/** In percent, over the draws. */
function intervalsOf(found: readonly Found[]): readonly (readonly [method: string, interval: Interval])[] {
  const methods = [...new Set(found.map(({ method }) => method))];
  return methods.map((method) => [
    method,
    measureInterval(found.filter((each) => each.method === method).map(({ accuracy }) => 100 * accuracy)),
  ]);
}

const about = (tested: number): string =>
  `Accuracy on ${tested} definitions; means of ${SEEDS.length} draws with 95 % t intervals`;

export function resultsTable(found: readonly Found[], tested: number): Table {
  return table({
    caption: about(tested),
    columns: [
      { name: "method" },
      { name: "accuracy", unit: "%", digits: 1 },
      { name: "from", unit: "%", digits: 1 },
      { name: "to", unit: "%", digits: 1 },
    ],
    rows: intervalsOf(found).map(([method, { mean, low, high }]) => [method, mean, low ?? mean, high ?? mean]),
  });
}

const pathOf = (file: string): string => fileURLToPath(new URL(`../../../${file}`, import.meta.url));
const MARKS = /(<!-- quickstart: [^\n]*-->\n)[\s\S]*?(<!-- \/quickstart -->)/;

/** Writes the table and the figure of the first page. */
export function writeReadme(found: readonly Found[], tested: number): readonly string[] {
  const rows = intervalsOf(found).map(([name, { mean, low, high }]) => ({
    name,
    value: mean,
    low: low ?? mean,
    high: high ?? mean,
  }));
  const [figure, page] = ["docs/figures/few-labels.svg", "README.md"];
  const drawn = plotPoints({
    title: `What ${PER_CLASS} labels a class are worth`,
    description: `${about(tested)}. Words alone against the sapling ${SAPLING}, tuned in three ways.`,
    value: { label: "accuracy", unit: "%" },
    rows,
  });
  writeFileSync(pathOf(figure), drawn.svg());
  const text = readFileSync(pathOf(page), "utf8");
  if (!MARKS.test(text)) throw new Error(`${page}: the marks around the table of the quickstart are gone`);
  const lines = rows.map(
    ({ name, value, low, high }) => `| ${name} | ${value.toFixed(1)} | ${low.toFixed(1)} to ${high.toFixed(1)} |`,
  );
  const written = ["| method | accuracy, % | 95 % interval |", "|---|---:|---|", ...lines].join("\n");
  writeFileSync(pathOf(page), text.replace(MARKS, `$1${written}\n$2`));
  return [figure, page];
}
