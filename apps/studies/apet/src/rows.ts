import type { Random } from "@cambium/core";
import { fewShot } from "@cambium/tasks";
import { type LoadedTask, loadTask, type RealRow } from "@cambium/tasks/real";
import type { Cell } from "./cell.ts";
import { MAX_LENGTH, MEASURED_ROWS } from "./plan.ts";

const tasks = new Map<string, Promise<LoadedTask>>();

/** A task, read once in a process. */
export function taskOf(name: string): Promise<LoadedTask> {
  const known = tasks.get(name);
  if (known !== undefined) return known;
  const loaded = loadTask(name);
  tasks.set(name, loaded);
  return loaded;
}

/** A row with its class, for `collate`. */
export interface Labelled {
  readonly text: string;
  readonly pair?: string;
  readonly label: string;
}

/** Letters of a text that are looked at: more than its tokens have. */
const LETTERS = 12 * MAX_LENGTH;

const labelled = (rows: readonly RealRow[]): readonly Labelled[] =>
  rows.map(({ text, pair, label }) => ({
    text: text.slice(0, LETTERS),
    ...(pair !== undefined && { pair }),
    label: label!,
  }));

/** Rows to learn from. Ways to tune learn from the same ones, seed by seed. */
export const trainRows = ({ train }: LoadedTask, { rows }: Cell, random: Random): readonly Labelled[] =>
  labelled(fewShot(train, { perClass: rows, random }));

/** Rows to measure on: of a task's test part, or of its development part while rates are tuned. */
export const measuredRows = (loaded: LoadedTask, part: "dev" | "test"): readonly Labelled[] =>
  labelled(loaded[part].slice(0, MEASURED_ROWS));

/** Share of the most frequent class, in percent. */
export function majorityOf(rows: readonly Labelled[]): number {
  const counts = new Map<string, number>();
  for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  return (100 * Math.max(...counts.values())) / rows.length;
}
