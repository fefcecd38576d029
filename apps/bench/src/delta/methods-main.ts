/**
 * `pnpm bench:methods`: the table of methods in the README of the package delta. With --run it first tunes a model by each method on two tasks at one
 * budget, by `cambium compare`, which does only what its results lack.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parseFlags } from "../flags.ts";
import { writeJobRows } from "../job/rows.ts";
import { selectNames } from "../opponents.ts";
import { pathOf } from "../processes.ts";
import { writeMethodTable } from "./method-table.ts";

const HELP = `usage: pnpm bench:methods --model FOLDER [options]

Writes the table of packages/delta/README.md from what comparisons left in --out, and from the lines of pnpm bench:delta.

  --model FOLDER   what is tuned, as for cambium compare
  --run            first runs the comparisons; what is done already is kept, also after Ctrl-C or a kill
  --only TEXTS     of the tasks "glosses" and "emoji"
  --methods NAMES  passed on to cambium compare (default: every method that comes near to the count)
  --count N        scalars that each method trains, beside the head (default 20000)
  --epochs N       passed on
  --rates N        passed on (default 4)
  --seed N         passed on (default 1)
  --out FOLDER     (default runs/methods)
  --bench FILE     results of pnpm bench:delta (default apps/bench/results/delta.jsonl, where that is there)
`;

/** Tasks by the names in the table. */
const TASKS: Readonly<Record<string, string>> = { glosses: "wordnet-supersense", emoji: "emoji-group" };

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    run: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    methods: { type: "string" },
    count: { type: "string", default: "20000" },
    epochs: { type: "string" },
    rates: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    out: { type: "string", default: "runs/methods" },
    bench: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || values.model === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const out = resolve(values.out);
const folderOf = (task: string): string => join(out, `${task}-${values.count}-${values.seed}`);
if (values.run) {
  mkdirSync(out, { recursive: true });
  for (const task of selectNames(Object.keys(TASKS), values.only)) {
    const table = join(out, `${task}.jsonl`);
    if (!existsSync(table)) await writeJobRows(TASKS[task]!, table);
    const passed = (["methods", "epochs", "rates"] as const).flatMap((name) =>
      values[name] === undefined ? [] : [`--${name}`, values[name]],
    );
    const common = ["--model", values.model, "--count", values.count, "--seed", values.seed, "--out", folderOf(task)];
    const { status } = spawnSync(
      process.execPath,
      [...process.execArgv, pathOf("../cli/src/main.ts"), "compare", table, ...common, ...passed],
      { stdio: "inherit" },
    );
    if (status !== 0) process.exit(status ?? 1);
  }
}
const usual = pathOf("results/delta.jsonl");
const page = writeMethodTable({
  scores: Object.fromEntries(Object.keys(TASKS).map((task) => [task, folderOf(task)])),
  ...{ count: Number(values.count), rates: Number(values.rates) },
  model: basename(values.model),
  bench: values.bench ?? (existsSync(usual) ? usual : undefined),
});
console.error(`bench:methods: wrote ${page}`);
