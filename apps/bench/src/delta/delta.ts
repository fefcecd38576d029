/**
 * `pnpm bench:delta`: a training step of each method over a frozen forward and backward pass and against PEFT's step of the same method, in
 * alternating fresh processes; memory and the size of the adapter beside it; and batches whose rows name one of several LoRAs. What a
 * results file holds already is not measured again, so that a run can be made in pieces.
 */
import { appendFileSync, existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseFlags } from "../flags.ts";
import { describeMachine } from "../machine.ts";
import { python, selectNames } from "../opponents.ts";
import { pathOf, runHere, runToLine } from "../processes.ts";
import { readLines, type StepLine } from "./lines.ts";
import { methods } from "./methods.ts";
import { writeTable } from "./table.ts";

const HELP = `usage: PEFT_PYTHON=/path/to/python pnpm bench:delta [options]

Trains RoBERTa's shape with a head by each method (a prefix on LLaMA's shape), 8 x 64 tokens, AdamW, no dropout; and runs 16 x 64 tokens whose
rows name one of 1, 4 or 16 LoRAs, against one merged model. Each process prints a JSON line. Progress goes to stderr.

  --only TEXTS     rows of these names, or whose names contain these, separated by commas
  --list           only print the rows' names
  --size LxW       layers and width (default 12x768)
  --pairs N        rounds (default 3)
  --steps N        measured steps in a process (default 6 at 12x768, else 20)
  --results FILE   lines are added to this file, and those that it has already are not measured again
  --minutes N      starts no further process after this time (default: none); the same call later does the rest, with --results
  --table FILE     measures nothing: writes the table of docs/benchmarks.md from a results file
`;

const { values } = parseFlags({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    size: { type: "string", default: "12x768" },
    pairs: { type: "string", default: "3" },
    steps: { type: "string" },
    results: { type: "string" },
    minutes: { type: "string" },
    table: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
if (values.table !== undefined) {
  console.error(`bench:delta: wrote ${writeTable(values.table)}`);
  process.exit(0);
}

const ROWS = ["merged", "1", "4", "16"];
const rows = selectNames([...methods.keys(), ...ROWS.map((count) => `rows ${count}`)], values.only);
if (values.list) {
  console.log(rows.join("\n"));
  process.exit(0);
}
const { size } = values;
const steps = values.steps ?? (size === "12x768" ? "6" : "20");
const results = values.results === undefined ? undefined : resolve(values.results);
const end = values.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + 60_000 * Number(values.minutes);
const known = results !== undefined && existsSync(results) ? readLines(results).steps : [];

/** Runs one process, unless its line is there already. */
function measure(row: string, backend: StepLine["backend"], round: number, run: () => StepLine): void {
  const isDone = known.some(
    (line) => line.row === row && line.size === size && line.backend === backend && line.round === round,
  );
  if (isDone) return;
  if (Date.now() > end) {
    console.error("bench:delta: the time is up; the same call does the rest");
    process.exit(0);
  }
  console.error(`bench:delta: ${row}, round ${round + 1} of ${values.pairs}, ${backend}`);
  const line = run();
  if (results !== undefined) appendFileSync(results, `${JSON.stringify(line)}\n`);
}

const machine = JSON.stringify({ ...describeMachine("delta"), size, steps: Number(steps) });
console.log(machine);
if (results !== undefined && !existsSync(results)) appendFileSync(results, `${machine}\n`);
for (let round = 0; round < Number(values.pairs); round++) {
  for (const row of rows) {
    const common = ["--size", size, "--steps", steps, "--round", `${round}`];
    const loras = /^rows (.*)$/.exec(row)?.[1];
    if (loras !== undefined) {
      measure(row, "onnx", round, () => runHere<StepLine>("./delta/measure-rows.ts", ["--loras", loras, ...common]));
      continue;
    }
    const given = ["--method", row, ...common];
    measure(row, "onnx", round, () => runHere<StepLine>("./delta/measure.ts", given));
    if (python === undefined || methods.get(row)?.inPeft !== true) continue;
    const threads = ["--threads", `${availableParallelism()}`];
    measure(row, "pytorch", round, () =>
      runToLine<StepLine>(python!, [pathOf("python/peft_methods.py"), ...given, ...threads]),
    );
  }
}
