import type { HeadConfig } from "@cambium/models";
import { readTable, type Table, type TableOptions } from "@cambium/tasks";
import { countText } from "../commands/cost-text.ts";
import { type Io, UseError } from "../io.ts";

/**
 * A table whose rows without text or label are left out, with its faults said in the command's own words.
 *
 * @throws {UseError} For whatever `readTable` cannot read.
 */
export async function openTable(verb: string, path: string, options: TableOptions): Promise<Table> {
  try {
    return await readTable(path, { ...options, incomplete: "skip" });
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    if (code !== "CONFIG" && code !== "FORMAT" && code !== "FILE" && code !== "STATE") throw error;
    throw new UseError(inFlags(verb, message), { cause: error });
  }
}

/** Which columns a command that measures a model takes, as flags give them. */
export interface ColumnFlags {
  readonly text?: string;
  readonly pair?: string;
  readonly label?: string;
}

/**
 * A table for a model's head: its labels are read as what the head answers with.
 *
 * @throws {UseError} Besides, for a label that is none of the head's.
 */
export async function openTableFor(
  verb: string,
  path: string,
  head: HeadConfig | undefined,
  { text, pair, label }: ColumnFlags,
): Promise<Table> {
  const labels = head !== undefined && "labels" in head ? head.labels : undefined;
  const kind = labels !== undefined ? "classes" : head?.kind === "regression" ? "numbers" : undefined;
  const table = await openTable(verb, path, {
    ...(text !== undefined && { text }),
    ...(pair !== undefined && { pair }),
    ...(label !== undefined && { label }),
    ...(kind !== undefined && { kind }),
  });
  const unknown = labels && table.labels.find((name) => !labels.includes(name));
  if (unknown !== undefined)
    throw new UseError(`${verb}: ${table.name} has the label "${unknown}", and the model knows ${labels!.join(", ")}`);
  return table;
}

/** A message of the library with its options as flags. */
function inFlags(verb: string, message: string): string {
  return message
    .replace(/^readTable: |^files: /, `${verb}: `)
    .replace(
      /\{ (\w+): "([^"]+)" \}/g,
      (_, name: string, value: string) => `--${name} ${/^[\w-]+$/.test(value) ? value : JSON.stringify(value)}`,
    )
    .replace(/\{ (\w+): … \}/g, "--$1");
}

/** Rows that are named in a line. */
const NAMED_ROWS = 10;

/** Says which rows of a table were left out, and why; and to people, what was found in it. */
export function sayTable(io: Io, table: Table, { json }: { readonly json?: true }): void {
  if (json !== true) {
    const { name, rows, kind, labels, notes } = table;
    const what = kind === "classes" ? `, ${labels.length} classes (${labels.join(", ")})` : "";
    io.error(`${name}: ${countText(rows.length, "row")}${what}${kind === "numbers" ? ", numbers" : ""}`);
    for (const note of notes) io.error(note);
  }
  saySkipped(io, table);
}

/** Says which rows were left out, and why. */
export function saySkipped(io: Io, { skipped }: Table): void {
  for (const reason of new Set(skipped.map(({ why }) => why))) {
    const rows = skipped.filter(({ why }) => why === reason).map(({ row }) => row);
    const more = rows.length > NAMED_ROWS ? ` and ${rows.length - NAMED_ROWS} more` : "";
    io.error(`${countText(rows.length, "row")} left out, ${reason}: ${rows.slice(0, NAMED_ROWS).join(", ")}${more}`);
  }
}
