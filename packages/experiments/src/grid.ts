import { canonicalJson, sha256 } from "@cambium/base";
import type { Study } from "./study.ts";

/** One level of a factor. */
export type Level = string | number | boolean;

/** One combination of levels, by factor. */
export type Cell = Readonly<Record<string, Level>>;

/** Levels that a factor must have, one of several or a single one; factors that it does not name may have any. */
export type Filter = Readonly<Record<string, Level | readonly Level[]>>;

/** All combinations of levels; the last factor changes fastest. */
export function cellsOf(factors: Readonly<Record<string, readonly Level[]>>): Cell[] {
  return Object.entries(factors).reduce<Cell[]>(
    (cells, [factor, levels]) => cells.flatMap((cell) => levels.map((level) => ({ ...cell, [factor]: level }))),
    [{}],
  );
}

/** Only these factors of a cell. */
export function projection(cell: Cell, factors: readonly string[]): Cell {
  return Object.fromEntries(
    factors.filter((factor) => Object.hasOwn(cell, factor)).map((factor) => [factor, cell[factor]!]),
  );
}

/** Whether a cell has the levels that a filter asks for. */
export function matches(cell: Cell, filter: Filter): boolean {
  return Object.entries(filter).every(([factor, wanted]) =>
    Array.isArray(wanted) ? wanted.includes(cell[factor]) : cell[factor] === wanted,
  );
}

/** A cell in words: `method lora, seed 1`. */
export function cellText(cell: Cell): string {
  return Object.entries(cell)
    .map(([factor, level]) => `${factor} ${level}`)
    .join(", ");
}

/** Names for cells that differ: their levels, in quotes where a text and a number would read alike. */
export function nameCells(cells: readonly Cell[]): string[] {
  const plain = cells.map((cell) => Object.values(cell).join(", ") || "all");
  if (new Set(plain).size === new Set(cells.map(canonicalJson)).size) return plain;
  return cells.map((cell) =>
    Object.values(cell)
      .map((level) => JSON.stringify(level))
      .join(", "),
  );
}

/** One run: a cell of the grid, or of the tuning with its budget. */
export interface Run {
  /** 32 hexadecimal digits: the hash of all that the result depends on. */
  readonly key: string;
  readonly cell: Cell;
  /** Steps; absent in runs of the grid. */
  readonly budget?: number;
}

/** What of a study its results depend on. */
export type StudyIdentity = Pick<Study, "name" | "run">;

/** All that a run's result depends on, as text. Results of equal texts are equal. */
export function identityOf({ name, run }: StudyIdentity, { cell, budget }: Omit<Run, "key">): string {
  return canonicalJson({ study: name, run: run.name, version: run.version, inputs: run.inputs, cell, budget });
}

/** The key of what an identity describes. */
export const keyOf = (identity: string): string => sha256(identity).slice(0, 32);

/** A run with its key. */
export function createRun(study: StudyIdentity, cell: Cell, budget?: number): Run {
  const run = budget === undefined ? { cell } : { cell, budget };
  return { key: keyOf(identityOf(study, run)), ...run };
}
