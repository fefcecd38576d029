/** The table of docs/benchmarks.md from the lines of a run of `pnpm bench:job`. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathOf, spreadOf } from "../processes.ts";

/** What a process says of itself. */
export interface JobLine {
  readonly row: string;
  readonly backend: "onnx" | "pytorch";
  readonly mode: "float32" | "int8";
  readonly seed: number;
  readonly medianMs: number;
  readonly processorMs: number;
  readonly peakMiB: number;
  readonly epochs: readonly { readonly accuracy: number; readonly macroF1: number }[];
}

/** Where a run took place, and what it was asked for. */
interface MachineLine {
  readonly machine: string;
  readonly cores: number;
  readonly node: string;
  readonly onnxruntime: string;
  readonly date: string;
  readonly asked: string;
}

const MARKS = /(<!-- job[^\n]*-->\n)[\s\S]*?(<!-- \/job -->)/;

/** Median, with the least and the greatest where there are several. */
function shown(values: readonly number[], digits: number): string {
  const { median, min, max } = spreadOf(values);
  const text = median.toFixed(digits);
  return values.length === 1 ? text : `${text} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

const accuracyOf = ({ epochs }: JobLine): number => 100 * epochs.at(-1)!.accuracy;

/** A row and a mode beside the other side's runs with the same seeds. */
function tableRow(lines: readonly JobLine[], row: string, mode: JobLine["mode"]): string | undefined {
  const pairs = lines
    .filter((line) => line.backend === "onnx" && line.row === row && line.mode === mode)
    .flatMap((ours) => {
      const theirs = lines.find((line) => line.backend === "pytorch" && line.row === row && line.seed === ours.seed);
      return theirs === undefined ? [] : [{ ours, theirs }];
    });
  if (pairs.length === 0) return undefined;
  const ratio = (measure: "medianMs" | "processorMs" | "peakMiB"): string =>
    shown(
      pairs.map(({ ours, theirs }) => ours[measure] / theirs[measure]),
      2,
    );
  const cells = [
    `${row}, ${mode}`,
    String(pairs.length),
    `${shown(
      pairs.map(({ ours }) => ours.processorMs / 1000),
      0,
    )} s`,
    ratio("processorMs"),
    ratio("medianMs"),
    `${shown(
      pairs.map(({ ours }) => ours.peakMiB),
      0,
    )} MiB`,
    ratio("peakMiB"),
    shown(
      pairs.map(({ ours }) => accuracyOf(ours)),
      1,
    ),
    shown(
      pairs.map(({ theirs }) => accuracyOf(theirs)),
      1,
    ),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Writes the table from a file of lines. */
export function writeTable(file: string): string {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Partial<JobLine & MachineLine>);
  const jobs = lines.filter((line): line is JobLine => line.epochs !== undefined);
  const { machine, cores, node, onnxruntime, date, asked } = lines.find(
    (line): line is MachineLine => line.machine !== undefined,
  )!;
  const rows = [...new Set(jobs.map(({ row }) => row))].flatMap((row) =>
    (["float32", "int8"] as const).flatMap((mode) => tableRow(jobs, row, mode) ?? []),
  );
  const written = `\`${asked}\`, ${date}: ${cores} cores of ${machine}, Node ${node.slice(1)}, onnxruntime-node ${onnxruntime}.

| rows, frozen layers | pairs | processor time here | over PyTorch + PEFT | wall time over theirs | peak memory here | over theirs | accuracy here, % | theirs, % |
|---|---:|---:|---|---|---:|---|---:|---:|
${rows.join("\n")}
`;
  const page = pathOf("../../docs/benchmarks.md");
  const text = readFileSync(page, "utf8");
  if (!MARKS.test(text)) throw new Error("docs/benchmarks.md: the marks around the table of jobs are gone");
  writeFileSync(page, text.replace(MARKS, `$1${written}$2`));
  return page;
}
