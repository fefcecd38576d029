import { FormatError } from "@cambium/base";

/** A row of a file, with the place that messages name. */
export interface RawRow {
  /** Key of the row where the file is one object, else its number from 1. */
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whether `key` was given by the file. */
  readonly isNamed: boolean;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseLine(caller: string, line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new FormatError({
      message: `${caller}: line ${number} is no JSON: ${(cause as Error).message}`,
      cause,
      line: number,
    });
  }
}

/** Whether a text is one JSON value rather than one for each line. */
function parseWhole(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The rows of a file: one JSON object a line, one JSON list of objects, or one JSON object whose values are the rows.
 *
 * @throws {FormatError} When a line is no JSON or a row no object; names it.
 */
export function parseRows(caller: string, text: string): readonly RawRow[] {
  const content = text.replace(/^\uFEFF/, "");
  const whole = parseWhole(content);
  const isMap = isRecord(whole) && Object.values(whole).length > 0 && Object.values(whole).every(isRecord);
  const entries: (readonly [string, unknown, boolean])[] = isMap
    ? Object.entries(whole).map(([key, value]) => [key, value, true] as const)
    : whole !== undefined
      ? (Array.isArray(whole) ? whole : [whole]).map((value, i) => [String(i + 1), value, false] as const)
      : content
          .split(/\r?\n/)
          .flatMap((line, i) =>
            line.trim() === "" ? [] : [[String(i + 1), parseLine(caller, line, i + 1), false] as const],
          );
  return entries.map(([key, fields, isNamed]) => {
    if (isRecord(fields)) return { key, fields, isNamed };
    throw new FormatError({
      message: `${caller}: row ${key} must be an object, got ${JSON.stringify(fields)?.slice(0, 60)}`,
      row: key,
    });
  });
}

/** The first of some fields that is a text or a number, as text. */
export function textField({ fields }: RawRow, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === "string" && value.trim() !== "") return value.trim();
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
  }
  return undefined;
}

/** Like `textField`, but the row must have it. */
export function needField(caller: string, row: RawRow, ...names: readonly string[]): string {
  const value = textField(row, ...names);
  if (value !== undefined) return value;
  throw new FormatError({
    message: `${caller}: row ${row.key} needs a text "${names.join('" or "')}", it has ${Object.keys(row.fields).join(", ") || "no fields"}`,
    row: row.key,
  });
}

/** The row's id: its own, the file's key, or made of a name and the row's number. */
export function idOf(row: RawRow, name: string): string {
  return textField(row, "id", "unique_id") ?? (row.isNamed ? row.key : `${name}-${row.key}`);
}
