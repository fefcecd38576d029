/** What the small real tasks are made of. */
import type { TaskOptions } from "../task/define-task.ts";
import { inOrderOf } from "./held.ts";

/** A row of a real task. */
export interface RealRow {
  readonly text: string;
  readonly pair?: string;
  readonly label?: string;
  /** A text to be written. */
  readonly target?: string;
  /** All texts that are right, where `target` is one of several. */
  readonly answers?: readonly string[];
  /** What it comes from: rows of one origin are in one part. */
  readonly group?: string;
}

/** What a task asks about. */
export type TaskType = "meaning" | "origin" | "words" | "order" | "writing";

/** What is known of a task before its rows are read. */
export interface TaskInfo {
  readonly name: string;
  readonly type: TaskType;
  /** What is asked, in a sentence. */
  readonly about: string;
  /** npm packages that its rows are read from. */
  readonly packages: readonly string[];
  /** Licence of the texts. */
  readonly licence: string;
  /** What counts. */
  readonly metric: "accuracy" | "exactMatch";
  /** What a reader of its results should know. */
  readonly note?: string;
}

/** Rows of each part. */
export interface TaskParts {
  readonly train: readonly RealRow[];
  readonly dev: readonly RealRow[];
  readonly test: readonly RealRow[];
}

/** A task's description, its form in words, and how its rows are read. */
export interface RealTaskSource {
  readonly info: TaskInfo;
  readonly options: Omit<TaskOptions, "name">;
  read(): Promise<TaskParts>;
}

/** A text with what is compared, for names and duplicates. */
const nameOf = ({ text, pair = "", label = "" }: RealRow): string => `${text}\n${pair}\n${label}`;

/** At most so many rows of each class, in an order that the rows alone decide. */
export function cap(rows: readonly RealRow[], perClass: number): RealRow[] {
  const counts = new Map<string | undefined, number>();
  return inOrderOf(rows, nameOf).filter(({ label }) => {
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    return count <= perClass;
  });
}

/** As many rows of each class as the smallest has, at most `perClass`. */
export function balance(rows: readonly RealRow[], perClass: number): RealRow[] {
  const counts = new Map<string | undefined, number>();
  for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  return cap(rows, Math.min(perClass, ...counts.values()));
}

/** Two thirds of each class to test, a third to develop by: rows that the saplings have not seen. */
export function devAndTest(held: readonly RealRow[]): Pick<TaskParts, "dev" | "test"> {
  const counts = new Map<string | undefined, number>();
  const parts = { dev: [] as RealRow[], test: [] as RealRow[] };
  for (const row of inOrderOf(held, nameOf)) {
    const count = counts.get(row.label) ?? 0;
    counts.set(row.label, count + 1);
    parts[count % 3 === 1 ? "dev" : "test"].push(row);
  }
  return parts;
}
