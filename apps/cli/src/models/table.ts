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

/** Says which rows were left out, and why. */
export function saySkipped(io: Io, { skipped }: Table): void {
  for (const reason of new Set(skipped.map(({ why }) => why))) {
    const rows = skipped.filter(({ why }) => why === reason).map(({ row }) => row);
    const more = rows.length > NAMED_ROWS ? ` and ${rows.length - NAMED_ROWS} more` : "";
    io.error(`${countText(rows.length, "row")} left out, ${reason}: ${rows.slice(0, NAMED_ROWS).join(", ")}${more}`);
  }
}
