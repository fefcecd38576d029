import { FormatError } from "@cambium/base";
import { type Records, recordsOf } from "./record.ts";

/**
 * One object a line. Empty lines are left out.
 *
 * @throws {FormatError} With the row, where a line is no object.
 */
export function parseJsonLines(source: string, text: string): Records {
  const lines = text.split(/\r?\n/).map((line, i) => ({ row: i + 1, line }));
  const objects = lines.flatMap(({ row, line }) => {
    if (line.trim() === "") return [];
    try {
      return [{ row, value: JSON.parse(line) as unknown }];
    } catch (cause) {
      throw new FormatError({ message: `readTable: ${source}, row ${row}: the line is no JSON`, row, cause });
    }
  });
  return recordsOf(source, objects);
}

/**
 * A list of objects; rows are counted from 1.
 *
 * @throws {FormatError} When the file is no list, or with the row that is no object.
 */
export function parseJsonList(source: string, text: string): Records {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new FormatError({
      message: `readTable: ${source} is no JSON: ${(cause as Error).message}; a file with an object on each line ends in .jsonl`,
      cause,
    });
  }
  if (!Array.isArray(list)) {
    throw new FormatError({
      message: `readTable: ${source} must be a list of objects, got ${list === null ? "null" : typeof list}`,
    });
  }
  return recordsOf(
    source,
    list.map((value: unknown, i) => ({ row: i + 1, value })),
  );
}
