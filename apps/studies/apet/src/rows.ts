import type { Random } from "@cambium/core";
import { type LabelledRow, labelled } from "@cambium/study-kit/runs";
import { fewShot } from "@cambium/tasks";
import type { LoadedTask } from "@cambium/tasks/real";
import type { Cell } from "./cell.ts";
import { MAX_LENGTH, MEASURED_ROWS } from "./plan.ts";

/** Rows to learn from. Ways to tune learn from the same ones, seed by seed. */
export const trainRows = ({ train }: LoadedTask, { rows }: Cell, random: Random): readonly LabelledRow[] =>
  labelled(fewShot(train, { perClass: rows, random }), MAX_LENGTH);

/** Rows to measure on: of a task's test part, or of its development part while rates are tuned. */
export const measuredRows = (loaded: LoadedTask, part: "dev" | "test"): readonly LabelledRow[] =>
  labelled(loaded[part].slice(0, MEASURED_ROWS), MAX_LENGTH);

/** Share of the most frequent class, in percent. */
export function majorityOf(rows: readonly LabelledRow[]): number {
  const counts = new Map<string, number>();
  for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  return (100 * Math.max(...counts.values())) / rows.length;
}
