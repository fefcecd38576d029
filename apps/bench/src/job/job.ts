/**
 * `pnpm bench:job`: a whole job, from process start to the saved adapter, in float32 and with frozen layers in 8 bits, against the same job
 * in PyTorch + transformers + PEFT, in alternating fresh processes.
 */
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { parseFlags } from "../flags.ts";
import { describeMachine } from "../machine.ts";
import { python, selectNames } from "../opponents.ts";
import { pathOf, runToLine, spreadOf } from "../processes.ts";
import { writeJobRows } from "./rows.ts";
import { type JobLine, writeTable } from "./table.ts";

const HELP = `usage: PEFT_PYTHON=/path/to/python pnpm bench:job --model FOLDER [options]

Tunes a BERT folder such as all-MiniLM-L6-v2 by LoRA of rank 8 on query and value, with its head, on 2,000 rows for 3 epochs of batches
of 16, with an evaluation after each epoch, and saves the adapter; the model's own dropout everywhere. Prints JSON lines: the machine, each
process, and for each row and mode ours over theirs as the median of the rounds' ratios with their spread: time by the clock, time by
the processors, and peak memory. Progress goes to stderr.

  --model FOLDER   a BERT with its tokenizer
  --only TEXTS     of the rows "glosses" (definitions, 16 tokens in the mean) and "mail" (messages cut to 4 to 120 words, 53 tokens)
  --pairs N        rounds, each with another seed on both sides (default 3)
  --threads N      threads of both sides (default: what each chooses). On a machine that other programs keep busy, one thread by
                   the processors' time is what can be compared
  --train N        rows to train on (default 2000)
  --epochs N       (default 3)
  --table FILE     measures nothing: writes the table of docs/benchmarks.md from the lines of a run in a file
`;

/** Rows by their names, with the tasks that they come from. */
const TASKS: Readonly<Record<string, string>> = { glosses: "wordnet-supersense", mail: "spam" };
const MODES = ["float32", "int8"] as const;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    only: { type: "string", default: "" },
    pairs: { type: "string", default: "3" },
    threads: { type: "string" },
    train: { type: "string" },
    epochs: { type: "string" },
    table: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.table !== undefined) {
  console.error(`bench:job: wrote ${writeTable(values.table)}`);
  process.exit(0);
}
if (values.help || values.model === undefined || python === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

/** Our side in one file, as a user ships it: without the compiler of its sources. */
async function bundle(): Promise<string> {
  const file = pathOf("node_modules/.cache/job.mjs");
  mkdirSync(dirname(file), { recursive: true });
  await build({
    entryPoints: [pathOf("src/job/run.ts")],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minifySyntax: true,
    conditions: ["@cambium/source"],
    external: ["@tensorflow/*", "onnxruntime-*"],
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "error",
  });
  return file;
}

const folder = mkdtempSync(join(tmpdir(), "bench-job-"));
const program = await bundle();
const { model: _, help: __, ...asked } = values;
const options = Object.entries(asked).flatMap(([name, value]) => (value === "" ? [] : [`--${name} ${value}`]));
console.log(JSON.stringify({ ...describeMachine("job"), asked: ["pnpm bench:job", ...options].join(" ") }));

for (const row of selectNames(Object.keys(TASKS), values.only)) {
  const data = join(folder, `${row}.jsonl`);
  if (!existsSync(data)) await writeJobRows(TASKS[row]!, data);
  const given = ["threads", "train", "epochs"].flatMap((name) => {
    const value = values[name as "threads"];
    return value === undefined ? [] : [`--${name}`, value];
  });
  const run = (side: string, round: number, command: string, first: readonly string[]): JobLine => {
    console.error(`bench:job: ${row}, round ${round + 1} of ${values.pairs}, ${side}`);
    const out = join(folder, `${row}-${side}-${round}`);
    const own = [
      "--row",
      row,
      "--model",
      resolve(values.model!),
      "--data",
      data,
      "--out",
      out,
      "--seed",
      `${round + 1}`,
    ];
    return runToLine<JobLine>(command, [...first, ...own, ...given]);
  };
  const rounds = Array.from({ length: Number(values.pairs) }, (_, round) => ({
    float32: run("float32", round, process.execPath, [program]),
    pytorch: run("pytorch", round, python!, [pathOf("python/peft_job.py")]),
    int8: run("int8", round, process.execPath, [program, "--mode", "int8"]),
  }));
  const scoreOf = ({ epochs }: JobLine): number => epochs.at(-1)!.accuracy;
  for (const mode of MODES) {
    const ratio = (measure: keyof Pick<JobLine, "medianMs" | "processorMs" | "peakMiB">) =>
      spreadOf(rounds.map((round) => round[mode][measure] / round.pytorch[measure]));
    console.log(
      JSON.stringify({
        bench: "job",
        row,
        compare: `${mode} / pytorch`,
        pairs: rounds.length,
        seconds: spreadOf(rounds.map((round) => round[mode].medianMs / 1000)),
        time: ratio("medianMs"),
        processor: ratio("processorMs"),
        memory: ratio("peakMiB"),
        accuracy: spreadOf(rounds.map((round) => scoreOf(round[mode]))),
        theirAccuracy: spreadOf(rounds.map((round) => scoreOf(round.pytorch))),
      }),
    );
  }
}
