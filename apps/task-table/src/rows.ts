import { type Random, random } from "@cambium/core";
import { fewShot } from "@cambium/tasks";
import { type LoadedTask, loadTask, type RealRow } from "@cambium/tasks/real";

/** A cell of the grid. */
export interface TableCell {
  readonly method: string;
  readonly task: string;
  readonly rows: string;
  readonly seed: number;
}

const tasks = new Map<string, Promise<LoadedTask>>();

/** A task, read once in a process. */
export function taskOf(name: string): Promise<LoadedTask> {
  const known = tasks.get(name);
  if (known !== undefined) return known;
  const loaded = loadTask(name);
  tasks.set(name, loaded);
  return loaded;
}

/** All that is random in a run. Methods of one seed learn from the same rows. */
export const seedOf = ({ seed, task }: TableCell): Random => random(seed).at(task);

/** The rows that a run learns from. */
export function trainRows({ train }: LoadedTask, cell: TableCell): readonly RealRow[] {
  return cell.rows === "full"
    ? train
    : fewShot(train, { perClass: Number(cell.rows), random: seedOf(cell).at("rows") });
}

/** Rows with their classes. */
export const labelled = (
  rows: readonly RealRow[],
): { readonly text: string; readonly pair?: string; readonly label: string }[] =>
  rows.map(({ text, pair, label }) => ({ text, ...(pair !== undefined && { pair }), label: label! }));
