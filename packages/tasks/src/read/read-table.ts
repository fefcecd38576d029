/**
 * Tables of labelled text. A file becomes records (`open-source.ts`), their columns are found (`columns.ts`), and each record
 * becomes a row that `collate` takes, or an error that names it.
 */
import { ConfigError, FormatError } from "@cambium/base";
import { type Columns, findColumns } from "./columns.ts";
import { type LabelKind, labelKind, labelNotes } from "./labels.ts";
import { type OpenedSource, openSource } from "./open-source.ts";
import { placeOf, type TableRecord } from "./record.ts";
import { parseTableOptions, type TableOptions, type TableSource } from "./table-options.ts";

/** A row of a table, which `collate` takes as it is. */
export interface TableRow {
  readonly text: string;
  readonly pair?: string;
  /** A class by its name, or a number. */
  readonly label?: string | number;
  /** A text to be written. */
  readonly target?: string;
  /** What it belongs to. */
  readonly group?: string;
  /** Its number in its file as a spreadsheet counts, with the header as row 1; in lists of objects, from 1. */
  readonly row: number;
}

/** A table that was read. */
export interface Table {
  /** File name, or what stands for it. */
  readonly name: string;
  readonly rows: readonly TableRow[];
  readonly columns: Columns;
  /** What is to be learnt: classes, numbers, or texts to be written; nothing of rows without labels. */
  readonly kind: LabelKind;
  /** The classes in alphabetical order; of other kinds, none. */
  readonly labels: readonly string[];
  /** Rows that were left out, and why. */
  readonly skipped: readonly { readonly row: number; readonly why: string }[];
  /** What was chosen and what is odd, in sentences for whoever reads the result. */
  readonly notes: readonly string[];
}

/**
 * Reads a table of labelled text, all of it into memory.
 *
 * CSV files may have quotes, line ends in quotes, a byte order mark, and any delimiter; a row with another number of fields is an
 * error. JSON is a list of objects, or an object on each line (`.jsonl`). Columns are found by their names (such as `text`, `message`,
 * `label`, `category`) or by what they hold; `notes` says which and why. Labels lose white space around them.
 *
 * @throws {ConfigError} When a column is missing or could be several, or labels could be classes or numbers; says what to give.
 * @throws {FormatError} When the file is not what it claims to be, or a row has no text or label; names the row.
 * @throws {StateError} For Parquet, when hyparquet is not installed.
 * @see RFC 4180 for CSV.
 * @example
 * const table = await readTable("tickets.csv");
 * const model = await loadModel(folder, { head: { kind: "sequence-classification", labels: table.labels } });
 */
export async function readTable(source: TableSource, options: TableOptions = {}): Promise<Table> {
  const parsed = parseTableOptions(options);
  const opened = await openSource(source, parsed);
  if (opened.records.length === 0) throw new FormatError({ message: `readTable: ${opened.name} has no rows` });
  const { columns, notes } = findColumns(opened, parsed);
  const { rows: read, skipped } = readRows(opened, columns, parsed);
  if (read.length === 0) {
    throw new FormatError({
      message: `readTable: all ${skipped.length} rows of ${opened.name} are left out: ${skipped[0]!.why}`,
    });
  }
  const { kind, note } = labelKind(opened.name, columns, read, parsed.kind);
  const rows = kind === "numbers" ? read.map((row) => ({ ...row, label: Number(row.label) })) : read.map(asClass);
  const labels = kind === "classes" ? [...new Set(rows.map(({ label }) => label as string))].sort(compare) : [];
  if (kind === "classes" && labels.length < 2) {
    throw new ConfigError({
      message: `readTable: column "${columns.label}" of ${opened.name} holds "${labels[0]}" in every row; there must be two classes or more`,
    });
  }
  const odd = kind === "classes" ? labelNotes(labels, rows) : [];
  return { name: opened.name, rows, columns, kind, labels, skipped, notes: [...notes, ...note, ...odd] };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const asClass = (row: TableRow): TableRow => (row.label === undefined ? row : { ...row, label: String(row.label) });

interface ReadRows {
  readonly rows: readonly TableRow[];
  readonly skipped: Table["skipped"];
}

function readRows({ name, records }: OpenedSource, columns: Columns, { incomplete = "error" }: TableOptions): ReadRows {
  const rows: TableRow[] = [];
  const skipped: { row: number; why: string }[] = [];
  for (const record of records) {
    const problem = missingIn(record, columns);
    if (problem === undefined) rows.push(rowOf(name, record, columns));
    else if (incomplete === "skip") skipped.push({ row: record.row, why: problem });
    else {
      throw new FormatError({
        message: `readTable: ${name}, ${placeOf(record)}: ${problem}; mend it, or leave such rows out by incomplete: "skip"`,
        row: record.row,
      });
    }
  }
  return { rows, skipped };
}

const isMissing = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === "string" && value.trim() === "") || Number.isNaN(value);

/** What a record lacks. Groups may be absent: such a row belongs to none. */
function missingIn({ values }: TableRecord, columns: Columns): string | undefined {
  for (const role of ["text", "pair", "label", "target"] as const) {
    const column = columns[role];
    if (column !== undefined && isMissing(values[column])) return `there is no ${role} (column "${column}")`;
  }
  return undefined;
}

function rowOf(name: string, record: TableRecord, { text, pair, label, target, group }: Columns): TableRow {
  const { row, values } = record;
  const textOf = (column: string): string => {
    const value = values[column];
    if (typeof value === "string") return value;
    throw strange(name, record, column, "a text", value);
  };
  const labelOf = (column: string): string | number => {
    const value = values[column];
    if (typeof value === "string") return value.trim();
    if (typeof value === "boolean") return String(value);
    if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw strange(name, record, column, "a class or a number", value);
  };
  return {
    text: textOf(text),
    ...(pair !== undefined && { pair: textOf(pair) }),
    ...(label !== undefined && { label: labelOf(label) }),
    ...(target !== undefined && { target: textOf(target) }),
    ...(group !== undefined && !isMissing(values[group]) && { group: String(values[group]) }),
    row,
  };
}

function strange(name: string, record: TableRecord, column: string, wanted: string, value: unknown): FormatError {
  const shown = typeof value === "bigint" ? String(value) : JSON.stringify(value);
  return new FormatError({
    message: `readTable: ${name}, ${placeOf(record)}: column "${column}" must be ${wanted}, got ${shown}`,
    row: record.row,
  });
}
