/** What runs of several studies share: tasks with their rows, and where models are. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Files, StateError } from "@cambium/base";
import { type SaplingName, sapling, saplings } from "@cambium/saplings";
import { type LoadedTask, loadTask, type RealRow } from "@cambium/tasks/real";

const tasks = new Map<string, Promise<LoadedTask>>();

/** A real task, read once in a process. */
export function taskOf(name: string): Promise<LoadedTask> {
  const known = tasks.get(name);
  if (known !== undefined) return known;
  const loaded = loadTask(name);
  tasks.set(name, loaded);
  return loaded;
}

/** A row with its class, as `collate` takes it. */
export interface LabelledRow {
  readonly text: string;
  readonly pair?: string;
  readonly label: string;
}

/** Rows with their classes; of a text no more letters than `maxLength` tokens can have are kept. */
export function labelled(
  rows: readonly RealRow[],
  maxLength: number = Number.POSITIVE_INFINITY,
): readonly LabelledRow[] {
  const letters = 12 * maxLength;
  return rows.map(({ text, pair, label }) => ({
    text: text.slice(0, letters),
    ...(pair !== undefined && { pair }),
    label: label!,
  }));
}

const PLACES: Readonly<Record<string, readonly [variable: string, path: string]>> = {
  minilm: ["CAMBIUM_MINILM", "models/all-MiniLM-L6-v2"],
  smollm2: ["CAMBIUM_SMOLLM2", "models/smollm2-135m-instruct"],
  roberta: ["CAMBIUM_ROBERTA", "models/roberta-base"],
};

/**
 * Where a model is: a sapling by its name, `minilm`, `smollm2` or `roberta` in a folder or a GGUF file that an environment
 * variable names, or `ladder-<n>`, the n-th checkpoint of a pretraining in `CAMBIUM_LADDER`.
 */
export function modelSource(name: string): string | Files {
  if (saplings.some((info) => info.name === name)) return sapling(name as SaplingName);
  const place = PLACES[name];
  if (place !== undefined) return process.env[place[0]] ?? place[1];
  const step = /^ladder-(\d+)$/.exec(name)?.[1];
  const ladder = process.env["CAMBIUM_LADDER"];
  if (step !== undefined && ladder !== undefined) return join(ladder, step);
  throw new StateError({ message: `there is no model "${name}"; checkpoints are looked for in CAMBIUM_LADDER` });
}

/**
 * Begins to watch how much memory this process takes. On Linux the peak starts again here; elsewhere it is that of the whole life of the process.
 *
 * @returns What tells the peak since then, in MB.
 */
export async function watchPeak(): Promise<() => Promise<number>> {
  const isReset = await writeFile("/proc/self/clear_refs", "5").then(
    () => true,
    () => false,
  );
  return async () => {
    const kept = isReset ? /^VmHWM:\s+(\d+) kB/m.exec(await readFile("/proc/self/status", "utf8"))?.[1] : undefined;
    return (kept === undefined ? process.resourceUsage().maxRSS : Number(kept)) / 1024;
  };
}
