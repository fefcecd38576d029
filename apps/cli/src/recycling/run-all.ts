/** Every delta of a registry on a new model. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folder } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { adapterHead } from "@cambium/delta";
import {
  fingerprintModel,
  listDeltas,
  type RecycledTask,
  type RecyclingTask,
  recycleAll,
  registerDelta,
} from "@cambium/recycling";
import { report, table, textTable } from "@cambium/report";
import { adamW } from "@cambium/train";
import type { RecycleFlags } from "../commands/recycle.ts";
import { type Io, UseError } from "../io.ts";
import { type OpenedVersions, openRows, openVersions } from "./open-recycling.ts";
import { percent } from "./report.ts";

const COLUMNS = [
  { name: "delta" },
  { name: "task" },
  { name: "how" },
  { name: "steps" },
  { name: "old", unit: "%", digits: 1 },
  { name: "direct", unit: "%", digits: 1 },
  { name: "now", unit: "%", digits: 1 },
  { name: "kept" },
] as const;

/** Carries all of them, and writes the new registry. */
export async function runAll(
  io: Io,
  names: { readonly old: string; readonly current: string },
  flags: RecycleFlags,
): Promise<void> {
  const { all, data, budget, out } = flags;
  if (data === undefined) throw new UseError("recycle: --all needs --data, a folder with a table for each task");
  if (budget === undefined) throw new UseError("recycle: --all needs --budget, steps for all deltas together");
  const kept = await listDeltas(all!);
  if (kept.length === 0) throw new UseError(`recycle: there is no delta in ${all}; registerDelta puts some there`);
  const tables = new Map(kept.map(({ task }) => [task, tableOf(data, task)]));
  const opened: OpenedVersions[] = [];
  const tasks: RecyclingTask[] = [];
  const left: string[] = [];
  const done: RecycledTask[] = [];
  try {
    for (const { name, task, model, labels } of kept) {
      const adapter = folder(join(all!, name));
      const own = (await adapterHead(adapter)) === undefined ? labels : undefined;
      const versions = await openVersions(io, "recycle", names, adapter, own);
      if (versions.models[0] !== model && (await fingerprintModel(versions.old.base)) !== model) {
        versions.dispose();
        left.push(name);
        continue;
      }
      opened.push(versions);
      const { train, dev } = await openRows(io, "recycle", versions, tables.get(task)!, undefined, flags);
      tasks.push({ name, old: versions.old, newBase: versions.newBase, data: train, dev });
    }
    if (left.length > 0 && !flags.json)
      io.error(`left out, since they are of another model than ${names.old}: ${left.join(", ")}`);
    if (tasks.length === 0) throw new UseError(`recycle: no delta in ${all} is of ${names.old}`);
    const { alpha, temperature, hidden } = flags;
    const run = recycleAll(tasks, {
      budget,
      optimiser: adamW({ learningRate: flags.rate }),
      distillation: { alpha, temperature, hidden },
      random: random(flags.seed),
      signal: io.signal,
    });
    let spent = 0;
    for await (const event of run) {
      if (event.type === "progress") io.live?.(`${event.name}: step ${event.step} of ${event.steps}`);
      if (event.type === "end") spent = event.spent;
      if (event.type !== "task") continue;
      done.push(event);
      const { task, from } = kept.find(({ name }) => name === event.name)!;
      const { accuracy } = event.scores.final;
      await registerDelta(out, event.name, event.tuned, {
        task,
        model: opened[tasks.findIndex(({ name }) => name === event.name)]!.models[1],
        from: [...from, event.name],
        ...(accuracy !== undefined && { score: accuracy }),
      });
    }
    await show(io, flags, done, kept, { spent, budget, left });
  } finally {
    for (const { tuned } of done) disposeParameters(tuned.parameters);
    for (const versions of opened) versions.dispose();
  }
}

function tableOf(data: string, task: string): string {
  const found = ["csv", "tsv", "json", "jsonl", "parquet"].map((end) => join(data, `${task}.${end}`)).find(existsSync);
  if (found !== undefined) return found;
  throw new UseError(`recycle: ${data} has no table of the task "${task}", such as ${task}.csv`);
}

async function show(
  io: Io,
  flags: RecycleFlags,
  done: readonly RecycledTask[],
  kept: readonly { readonly name: string; readonly task: string }[],
  sums: { readonly spent: number; readonly budget: number; readonly left: readonly string[] },
): Promise<void> {
  const rows = done.map(({ name, choice, steps, scores, met }) => [
    name,
    kept.find((each) => each.name === name)!.task,
    choice,
    steps,
    percent(scores.old),
    percent(scores.direct),
    percent(scores.final),
    met ? "yes" : "no",
  ]);
  const page = report({
    title: "Deltas on the next version of their model",
    summary: `${sums.spent} of ${sums.budget} steps were spent.`,
    sections: [
      {
        title: "Deltas",
        blocks: [table({ caption: "Scores on rows that nothing learned from", columns: [...COLUMNS], rows })],
      },
    ],
  });
  await mkdir(flags.out, { recursive: true });
  await writeFile(join(flags.out, "report.html"), page.html());
  if (flags.json) {
    const plain = done.map(({ type: _, tuned: __, ...each }) => each);
    io.out(JSON.stringify({ tasks: plain, ...sums, out: flags.out }));
    return;
  }
  io.out(textTable({ columns: [...COLUMNS], rows }));
  io.out(`${sums.spent} of ${sums.budget} steps spent; the new registry is in ${flags.out}`);
}
