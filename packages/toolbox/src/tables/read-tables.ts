import { ConfigError, type Files, FormatError, openFiles } from "@cambium/base";
import { parse } from "csv-parse/sync";
import type { Cell, Table } from "./database.ts";

const MOST_BYTES = 16 * 1024 * 1024;
const MOST_ROWS = 100_000;

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function typeOf(values: readonly Cell[]): string {
  const present = values.filter((value) => value !== null);
  if (present.length > 0 && present.every((value) => Number.isSafeInteger(value))) return "INTEGER";
  return present.length > 0 && present.every((value) => typeof value === "number") ? "REAL" : "TEXT";
}

/**
 * A table of these rows.
 *
 * @throws {ConfigError} When the name is none for a table, two columns share one, or there are too many rows.
 */
export function tableOf(name: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): Table {
  if (!/^[\p{L}_][\p{L}\p{N}_ -]{0,63}$/u.test(name) || /^sqlite_/i.test(name))
    throw new ConfigError({ message: `tables: "${name}" is no name for a table; use letters, digits and _`, name });
  const lower = columns.map((column) => column.trim().toLowerCase());
  const repeated = columns.find((_, index) => lower.indexOf(lower[index]!) !== index || lower[index] === "");
  if (columns.length === 0 || repeated !== undefined)
    throw new ConfigError({
      message: `tables: the columns of "${name}" must have different names that are not empty, got ${JSON.stringify(columns)}`,
      name,
    });
  if (rows.length > MOST_ROWS)
    throw new ConfigError({ message: `tables: "${name}" has ${rows.length} rows, ${MOST_ROWS} are the most`, name });
  const typed = columns.map((column, index) => ({ name: column.trim(), type: typeOf(rows.map((row) => row[index]!)) }));
  const sql = `CREATE TABLE ${quote(name)} (${typed.map((column) => `${quote(column.name)} ${column.type}`).join(", ")})`;
  return { name, sql, columns: typed, rows: rows.map((row) => [...row]) };
}

/** Numbers as they are usually written; `007` and `1e3` stay text. */
function cellOf(text: string): Cell {
  if (text === "") return null;
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(text) ? Number(text) : text;
}

/**
 * A table from CSV whose first row names the columns. A column is numeric when all its values are; an empty field is NULL.
 *
 * @throws {FormatError} When a row has another number of fields, or a quote is not closed.
 */
export function tableFromCsv(name: string, text: string): Table {
  let records: string[][];
  try {
    records = parse(text, { bom: true, skip_empty_lines: true });
  } catch (cause) {
    throw new FormatError({ message: `tables: "${name}" is no CSV: ${(cause as Error).message}`, name, cause });
  }
  const [columns = [], ...rows] = records;
  const cells = rows.map((row) => row.map(cellOf));
  const isNumeric = columns.map((_, index) => cells.every((row) => typeof row[index] !== "string"));
  return tableOf(
    name,
    columns,
    cells.map((row, at) => row.map((cell, index) => (isNumeric[index] || cell === null ? cell : rows[at]![index]!))),
  );
}

/**
 * A table from a list of JSON objects; a key that an object lacks is NULL there, and what is no text, number or null is its JSON.
 *
 * @throws {FormatError} When it is no list of objects.
 */
export function tableFromJson(name: string, list: unknown): Table {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!Array.isArray(list) || !list.every(isObject))
    throw new FormatError({ message: `tables: "${name}" must be a list of objects`, name });
  const columns = [...new Set(list.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown): Cell => {
    if (value === undefined || value === null) return null;
    if (typeof value === "boolean") return Number(value);
    return typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value);
  };
  return tableOf(
    name,
    columns,
    list.map((row) => columns.map((column) => cell(Object.hasOwn(row, column) ? row[column] : null))),
  );
}

/**
 * The tables in a folder: each `.csv` and `.json` file is one, by its name. Other files are passed over.
 *
 * @throws {FormatError} When a file is not what its name says; `ConfigError` when one is larger than 16 MiB.
 * @example
 * const kit = tables({ tables: await readTables("data") });
 */
export async function readTables(source: string | Files): Promise<readonly Table[]> {
  const files = typeof source === "string" ? openFiles(source) : source;
  const listed = (await files.list())
    .filter(({ name }) => /\.(csv|json)$/i.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const found: Table[] = [];
  for (const { name, sizeBytes } of listed) {
    if (sizeBytes > MOST_BYTES)
      throw new ConfigError({
        message: `readTables: ${name} has ${sizeBytes} bytes, ${MOST_BYTES} are the most`,
        name,
      });
    const text = new TextDecoder().decode(await files.read(name));
    const title = name.replace(/\.\w+$/, "");
    if (name.toLowerCase().endsWith(".csv")) found.push(tableFromCsv(title, text));
    else {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (cause) {
        throw new FormatError({ message: `readTables: ${name} is no JSON: ${(cause as Error).message}`, name, cause });
      }
      found.push(tableFromJson(title, value));
    }
  }
  return found;
}
