/** The table of methods in packages/delta/README.md: of comparisons on two tasks, and of a run of `pnpm bench:delta`. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as delta from "@cambium/delta";
import { wilson } from "@cambium/evaluation";
import { pathOf } from "../processes.ts";
import { readLines, type StepLine } from "./lines.ts";
import { ratios, shown } from "./table.ts";

/** What `cambium compare` writes of a method: its `result.json`. */
interface Result {
  readonly method: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly trained: number;
  readonly learningRate: number;
  readonly metrics: { readonly accuracy: number };
  readonly rows: number;
}

/** What the table is made of. */
export interface TableSources {
  /** Folders of comparisons by the names of their tasks. */
  readonly scores: Readonly<Record<string, string>>;
  /** Scalars that each method was to train. */
  readonly count: number;
  /** Rates that each method might try. */
  readonly rates: number;
  readonly model: string;
  /** Lines of `pnpm bench:delta`. */
  readonly bench: string | undefined;
}

const MARKS = /(<!-- methods[^\n]*-->\n)[\s\S]*?(<!-- \/methods -->)/;

/** What rows of `pnpm bench:delta` are called after, where that is not the method. */
const benchNames: Readonly<Record<string, string>> = { adapter: "houlsby", arbitrary: "shira" };

function resultsOf(folder: string): readonly Result[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .map(({ name }) => join(folder, name, "result.json"))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, "utf8")) as Result);
}

/** Accuracy in percent with its interval. */
function scoreText(result: Result | undefined): string {
  if (result === undefined) return "";
  const { metrics, rows } = result;
  const { low, high } = wilson(Math.round(metrics.accuracy * rows), rows);
  return `${(100 * metrics.accuracy).toFixed(1)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
}

/** Settings in words: `rank 13, layers 5`. */
const settingsText = (settings: Result["settings"]): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" ") : String(value)}`)
    .join(", ");

/** How PEFT's files know a method: both ways, or not at all. */
function peftName(method: string): string {
  const table = delta as unknown as Readonly<Record<string, { readonly peft?: { readonly type: string } } | undefined>>;
  return table[method]?.peft?.type ?? "";
}

/** Writes the table into the README. */
export function writeMethodTable({ scores, count, rates, model, bench }: TableSources): string {
  const tasks = Object.keys(scores);
  const results = new Map(tasks.map((task) => [task, resultsOf(scores[task]!)]));
  const steps = bench === undefined ? [] : readLines(bench).steps;
  const of = (row: string, backend: StepLine["backend"]): readonly StepLine[] =>
    steps.filter((line) => line.row === row && line.backend === backend);
  const names = [...new Set([...results.values()].flat().map(({ method }) => method))];
  if (names.length === 0) throw new Error(`there are no results in ${Object.values(scores).join(", ")} yet`);
  const sum = (method: string): number =>
    [...results.values()].flat().reduce((all, each) => all + (each.method === method ? each.metrics.accuracy : 0), 0);
  const rows = names
    .sort((a, b) => sum(b) - sum(a))
    .map((method) => {
      const own = tasks.map((task) => results.get(task)!.find((each) => each.method === method));
      const row = benchNames[method] ?? method;
      const [ours, theirs] = [of(row, "onnx"), of(row, "pytorch")];
      const first = own.find((each) => each !== undefined)!;
      const cells = [
        `\`${method}\``,
        settingsText(first.settings),
        first.trained.toLocaleString("en"),
        ...own.flatMap((each) => [scoreText(each), each === undefined ? "" : String(each.learningRate)]),
        shown(
          ours.map(({ medianMs }) => medianMs),
          0,
        ),
        shown(ratios(ours, theirs, "medianMs"), 2),
        shown(
          ours.map(({ peakMiB }) => peakMiB),
          0,
        ),
        peftName(method),
      ];
      return `| ${cells.join(" | ")} |`;
    });
  const size = steps[0]?.size;
  const tested = tasks.map((task) => `${task} (${results.get(task)![0]?.rows.toLocaleString("en") ?? "no"} rows)`);
  const written = `Accuracy in percent on rows that were never seen, of ${tested.join(" and ")}, with Wilson's 95 % interval: ${model} tuned by each method at
${count.toLocaleString("en")} trained scalars beside the head, or as near as the method comes; one seed, each at the rate that other rows chose among up to ${rates}. The settings
are those by which \`plan\` meets the count. Methods whose intervals overlap are not told apart.${size === undefined ? "" : ` Steps and memory are those of \`pnpm bench:delta\` at ${size}, at its own settings.`} Empty cells were not measured.

| method | settings | trained, head included | ${tasks.map((task) => `${task}, % | at rate`).join(" | ")} | step, ms | over PEFT's | memory, MiB | PEFT reads and writes it as |
|---|---|---:|${tasks.map(() => "---|---:|").join("")}---|---|---|---|
${rows.join("\n")}
`;
  const page = pathOf("../../packages/delta/README.md");
  const text = readFileSync(page, "utf8");
  if (!MARKS.test(text)) throw new Error("packages/delta/README.md: the marks around the table of methods are gone");
  writeFileSync(page, text.replace(MARKS, `$1${written}$2`));
  return page;
}
