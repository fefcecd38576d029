import { FormatError } from "@cambium/base";

/** One row of a table as it was read. */
export interface TableRecord {
  /** The row's number in its file as a spreadsheet counts, with the header as row 1; in lists, from 1. */
  readonly row: number;
  /** The line on which it begins, where that is known and another number. */
  readonly line?: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What all readers give. */
export interface Records {
  readonly columns: readonly string[];
  readonly records: readonly TableRecord[];
}

/** A row's place for messages. */
export function placeOf({ row, line }: Pick<TableRecord, "row" | "line">): string {
  return line === undefined || line === row ? `row ${row}` : `row ${row} (line ${line})`;
}

/**
 * Records of objects, with the columns in the order in which they first come.
 *
 * @param source - Name of the table, for messages.
 */
export function recordsOf(
  source: string,
  objects: readonly { readonly row: number; readonly value: unknown }[],
): Records {
  const columns = new Set<string>();
  const records = objects.map(({ row, value }) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FormatError({
        message: `readTable: ${source}, row ${row}: expected an object with a value for each column, got ${JSON.stringify(value)}`,
        row,
      });
    }
    for (const column of Object.keys(value)) columns.add(column);
    return { row, values: value as Record<string, unknown> };
  });
  return { columns: [...columns], records };
}
