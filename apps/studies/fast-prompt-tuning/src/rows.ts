import type { Random } from "@cambium/core";
import { type LabelledRow, labelled } from "@cambium/study-kit/runs";
import { fewShot } from "@cambium/tasks";
import type { LoadedTask } from "@cambium/tasks/real";
import { MAX_LENGTH, measuredRowsOf, ROWS } from "./plan.ts";

/** Rows to learn from. Methods learn from the same ones, seed by seed. */
export const trainRows = ({ train }: LoadedTask, random: Random): readonly LabelledRow[] =>
  labelled(fewShot(train, { perClass: ROWS, random }), MAX_LENGTH);

/** Rows to measure on: of a task's test part, or of its development part while rates are tuned. */
export const measuredRows = (loaded: LoadedTask, part: "dev" | "test", model: string): readonly LabelledRow[] =>
  labelled(loaded[part].slice(0, measuredRowsOf(model)), MAX_LENGTH);
