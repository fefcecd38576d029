import type { Random } from "@cambium/core";
import { fewShot } from "@cambium/tasks";
import { type LoadedTask, loadTask, type RealRow } from "@cambium/tasks/real";
import { MAX_LENGTH, MEASURED_ROWS, ROWS } from "./plan.ts";

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

/** Rows to learn from. Methods learn from the same ones, seed by seed. */
export const trainRows = ({ train }: LoadedTask, random: Random): readonly Labelled[] =>
  labelled(fewShot(train, { perClass: ROWS, random }));

/** Rows to measure on: of a task's test part, or of its development part while rates are tuned. */
export const measuredRows = (loaded: LoadedTask, part: "dev" | "test"): readonly Labelled[] =>
  labelled(loaded[part].slice(0, MEASURED_ROWS));
