import { type Random, random } from "@cambium/core";
import { fewShot } from "@cambium/tasks";
import type { LoadedTask, RealRow } from "@cambium/tasks/real";

/** A cell of the grid. */
export interface TableCell {
  readonly method: string;
  readonly task: string;
  readonly rows: string;
  readonly seed: number;
}

/** All that is random in a run. Methods of one seed learn from the same rows. */
export const seedOf = ({ seed, task }: TableCell): Random => random(seed).at(task);

/** The rows that a run learns from. */
export function trainRows({ train }: LoadedTask, cell: TableCell): readonly RealRow[] {
  return cell.rows === "full"
    ? train
    : fewShot(train, { perClass: Number(cell.rows), random: seedOf(cell).at("rows") });
}
