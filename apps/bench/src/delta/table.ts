/** The tables of docs/benchmarks.md from the lines of runs of `pnpm bench:delta`. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathOf, spreadOf } from "../processes.ts";
import { readLines, type StepLine } from "./lines.ts";

const MARKS = /(<!-- delta[^\n]*-->\n)[\s\S]*?(<!-- \/delta -->)/;

/** Median, with the least and the greatest where there are several; nothing of nothing. */
export function shown(values: readonly number[], digits: number): string {
  if (values.length === 0) return "";
  const { median, min, max } = spreadOf(values);
  const text = median.toFixed(digits);
  return values.length === 1 ? text : `${text} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

type Measure = "medianMs" | "processorMs" | "peakMiB" | "fileBytes";

/** Ratios of two sides in the same rounds. */
export function ratios(ours: readonly StepLine[], theirs: readonly StepLine[], measure: Measure): readonly number[] {
  return ours.flatMap((line) => {
    const other = theirs.find(({ round, size }) => round === line.round && size === line.size);
    const [a, b] = [line[measure], other?.[measure]];
    return a === undefined || b === undefined ? [] : [a / b];
  });
}

/** Both tables of one size. */
function tablesOf(steps: readonly StepLine[], size: string): readonly string[] {
  const of = (row: string, backend: StepLine["backend"] = "onnx"): readonly StepLine[] =>
    steps.filter((line) => line.size === size && line.row === row && line.backend === backend);
  const rows = [...new Set(steps.filter((line) => line.size === size).map(({ row }) => row))];
  const methods = rows.filter((row) => !row.startsWith("rows "));
  const mixed = rows.filter((row) => row.startsWith("rows ") && row !== "rows merged");
  const numbers = (lines: readonly StepLine[], measure: Measure | "trainable"): readonly number[] =>
    lines.flatMap((line) => line[measure] ?? []);
  const methodRow = (row: string): string => {
    const [ours, theirs] = [of(row), of(row, "pytorch")];
    const cells = [
      row,
      String(ours.length),
      (ours[0]?.trainable ?? 0).toLocaleString("en"),
      shown(numbers(ours, "medianMs"), 0),
      row === "prefix" ? "" : shown(ratios(ours, of("frozen"), "medianMs"), 2),
      shown(numbers(theirs, "medianMs"), 0),
      shown(ratios(ours, theirs, "medianMs"), 2),
      shown(ratios(ours, theirs, "processorMs"), 2),
      shown(numbers(ours, "peakMiB"), 0),
      shown(ratios(ours, theirs, "peakMiB"), 2),
      shown(
        numbers(ours, "fileBytes").map((bytes) => bytes / 1024),
        0,
      ),
      // Our own container holds other things than PEFT's folder.
      shown(
        ratios(
          ours.filter(({ format }) => format === "peft"),
          theirs,
          "fileBytes",
        ),
        2,
      ),
    ];
    return `| ${cells.join(" | ")} |`;
  };
  return [
    ...(methods.length === 0
      ? []
      : [
          `### ${size}\n`,
          "| method | rounds | trained | step here, ms | over frozen | PEFT's, ms | ours / theirs | by processor time | peak memory here, MiB | ours / theirs | adapter, KiB | ours / theirs |",
          "|---|---:|---:|---|---|---|---|---|---|---|---|---|",
          ...methods.map(methodRow),
        ]),
    ...(mixed.length === 0
      ? []
      : [
          "",
          "| LoRAs in a batch of 16 rows | forward pass, ms | over one merged model |",
          "|---:|---|---|",
          ...mixed.map((row) => {
            const cells = [
              row.replace("rows ", ""),
              shown(numbers(of(row), "medianMs"), 0),
              shown(ratios(of(row), of("rows merged"), "medianMs"), 2),
            ];
            return `| ${cells.join(" | ")} |`;
          }),
        ]),
  ];
}

/** Writes the tables from a file of lines. */
export function writeTable(file: string): string {
  const { machine, steps } = readLines(file);
  if (machine === undefined) throw new Error(`${file} does not say on which machine it was measured`);
  const { date, cores, node, onnxruntime } = machine;
  const sizes = [...new Set(steps.map(({ size }) => size))];
  const written = [
    `\`pnpm bench:delta\`, ${date}: ${cores} cores of ${machine.machine}, Node ${node.slice(1)}, onnxruntime-node ${onnxruntime}.\n`,
    ...sizes.flatMap((size) => [...tablesOf(steps, size), ""]),
  ].join("\n");
  const page = pathOf("../../docs/benchmarks.md");
  const text = readFileSync(page, "utf8");
  if (!MARKS.test(text)) throw new Error("docs/benchmarks.md: the marks around the table of methods are gone");
  writeFileSync(page, text.replace(MARKS, `$1${written}$2`));
  return page;
}
