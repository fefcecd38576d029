/** Files of comma-separated values, by the csv-parse library: what RFC 4180 allows, other delimiters, and an error for all else. */
import { ConfigError, FormatError } from "@cambium/base";
import { parse } from "#csv";
import { placeOf, type Records, type TableRecord } from "./record.ts";
import type { TableOptions } from "./table-options.ts";

const DELIMITERS = [",", ";", "\t", "|"] as const;

/** A record with where it ends. */
interface ParsedRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number; readonly records: number; readonly empty_lines: number };
}

/** What csv-parse throws. */
interface ParseFault extends Error {
  readonly code?: string;
  readonly lines?: number;
  readonly records?: number;
  readonly empty_lines?: number;
}

const faults: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "its last field begins with a quote that is never closed",
  CSV_INVALID_CLOSING_QUOTE: "something follows a closing quote; a quote inside of quotes is written twice",
  INVALID_OPENING_QUOTE:
    "a quote stands inside a field that has none around it; put the field in quotes and write the inner quote twice, or give quote: false",
};

/**
 * The rows of a file.
 *
 * @throws {FormatError} With the row, where it has too few or too many fields or a quote is out of place.
 * @throws {ConfigError} When more than one delimiter, or none, would make columns of it.
 */
export function parseCsv(source: string, text: string, options: TableOptions): Records {
  const { header = true } = options;
  const delimiter = options.delimiter ?? (options.format === "tsv" ? "\t" : findDelimiter(source, text, options));
  const parsed = parseRecords(source, text, delimiter, options);
  const [first] = parsed;
  if (first === undefined) throw new FormatError({ message: `readTable: ${source} is empty`, source });
  const columns = header ? namesOf(source, first.record) : first.record.map((_, i) => String(i + 1));
  const records: TableRecord[] = [];
  let line = 1;
  for (const { record, info } of parsed) {
    const place = { row: info.records + info.empty_lines, line };
    line = info.lines + 1;
    if (record.length !== columns.length) {
      throw new FormatError({
        message: `readTable: ${source}, ${placeOf(place)}: expected ${columns.length} fields (${columns.join(", ")}), got ${record.length}; is a field with "${shown(delimiter)}" without quotes?`,
        ...place,
      });
    }
    if (header && record === first.record) continue;
    records.push({ ...place, values: Object.fromEntries(columns.map((column, i) => [column, record[i]!])) });
  }
  return { columns, records };
}

const shown = (delimiter: string): string => (delimiter === "\t" ? "tab" : delimiter);

function namesOf(source: string, header: readonly string[]): string[] {
  const names = header.map((name) => name.trim());
  const strange = names.findIndex((name, i) => name === "" || names.indexOf(name) !== i);
  if (strange === -1) return names;
  const what = names[strange] === "" ? "has no name" : `is named "${names[strange]}" like another`;
  throw new FormatError({
    message: `readTable: ${source}, row 1: column ${strange + 1} ${what}; name each column, or give header: false for a file without names`,
    row: 1,
  });
}

function parseRecords(
  source: string,
  text: string,
  delimiter: string,
  { quote = '"' }: TableOptions,
  rows?: number,
): readonly ParsedRecord[] {
  try {
    return parse(text, {
      delimiter,
      quote,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true, // counted above, so that the message is ours
      ...(rows !== undefined && { to: rows }),
    }) as unknown as readonly ParsedRecord[];
  } catch (cause) {
    const { code = "", lines = 0, records = 0, empty_lines = 0, message } = cause as ParseFault;
    const row = records + empty_lines + 1;
    const place = code === "CSV_QUOTE_NOT_CLOSED" ? { row } : { row, line: lines }; // that one shows at the end of the file only
    throw new FormatError({
      message: `readTable: ${source}, ${placeOf(place)}: ${faults[code] ?? message}`,
      ...place,
      cause,
    });
  }
}

/** Rows that show which delimiter makes columns. */
const LOOKED_AT = 50;

/** The one delimiter that makes equally many columns, two or more, of the first rows. */
function findDelimiter(source: string, text: string, options: TableOptions): string {
  const counts = DELIMITERS.map((delimiter) => ({
    delimiter,
    columns: countColumns(source, text, delimiter, options),
  }));
  const able = counts.filter(({ columns }) => columns !== undefined && columns > 1);
  if (able.length === 1) return able[0]!.delimiter;
  if (able.length > 1) {
    throw new ConfigError({
      message: `readTable: ${source} has ${able.map(({ delimiter, columns }) => `${columns} columns by "${shown(delimiter)}"`).join(" or ")}; say which by delimiter`,
      delimiters: able.map(({ delimiter }) => delimiter),
    });
  }
  // None fits: the fault of the one that the first row shows is what the reader wants to see; a file of one column has none.
  const first = text.slice(0, text.search(/[\r\n]|$/));
  return [...DELIMITERS].sort((a, b) => first.split(b).length - first.split(a).length)[0]!;
}

/** Columns of the first rows, where all have as many and no quote is out of place. */
function countColumns(source: string, text: string, delimiter: string, options: TableOptions): number | undefined {
  try {
    const lengths = parseRecords(source, text, delimiter, options, LOOKED_AT).map(({ record }) => record.length);
    return lengths.every((length) => length === lengths[0]) ? lengths[0] : undefined;
  } catch {
    return undefined;
  }
}
