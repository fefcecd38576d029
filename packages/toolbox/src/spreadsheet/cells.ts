import { refuse } from "../refuse.ts";

/** Values that formulas work with. */
export type Value = number | string | boolean | null | CellError;

/** An error that a cell shows, and that spreads to what reads it. */
export class CellError {
  readonly code: string;
  constructor(code: "#DIV/0!" | "#VALUE!" | "#REF!" | "#NAME?" | "#NUM!" | "#N/A" | "#CYCLE!" | "#ERROR!") {
    this.code = code;
  }
}

/** A sheet: what was entered, by cell. */
export type Sheet = { name: string; cells: { [cell: string]: string } };

/** A rectangle of cells, counted from 0. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const MOST_COLUMNS = 256;
export const MOST_ROWS = 10_000;
const MOST_IN_AREA = 100_000;

/** Column `A` is 0. */
export function columnOf(letters: string): number {
  return [...letters.toUpperCase()].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** The name of a cell. */
export function cellName(column: number, row: number): string {
  let letters = "";
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26))
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  return `${letters}${row + 1}`;
}

/** @throws {ToolError} When there is no such cell. */
export function parseCell(text: string): { readonly column: number; readonly row: number } {
  const [, letters, digits] = /^\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})$/.exec(text.trim()) ?? [];
  if (letters === undefined || digits === undefined) return refuse(`"${text}" is no cell such as B3`);
  const [column, row] = [columnOf(letters), Number(digits) - 1];
  if (column >= MOST_COLUMNS || row >= MOST_ROWS)
    refuse(`"${text}" is beyond ${cellName(MOST_COLUMNS - 1, MOST_ROWS - 1)}`);
  return { column, row };
}

/** `B2` or `B2:D9`. */
export function parseArea(text: string): Area {
  const [first = "", second = first, ...more] = text.split(":");
  if (more.length > 0) refuse(`"${text}" is no range such as B2:D9`);
  const [a, b] = [parseCell(first), parseCell(second)];
  const area = {
    left: Math.min(a.column, b.column),
    right: Math.max(a.column, b.column),
    top: Math.min(a.row, b.row),
    bottom: Math.max(a.row, b.row),
  };
  const size = (area.right - area.left + 1) * (area.bottom - area.top + 1);
  if (size > MOST_IN_AREA) refuse(`"${text}" has ${size} cells, ${MOST_IN_AREA} are the most`);
  return area;
}

/** What was entered as a value: numbers, TRUE and FALSE, percentages; `'` in front keeps text as it is. */
export function readEntry(text: string): Value {
  if (text === "") return null;
  if (text.startsWith("'")) return text.slice(1);
  if (/^-?(\d{1,15}(\.\d{1,15})?|\.\d{1,15})(e[+-]?\d{1,3})?$/i.test(text)) return Number(text);
  if (/^-?\d{1,12}(\.\d{1,12})?%$/.test(text)) return Number(text.slice(0, -1)) / 100;
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  return text;
}

/** What a cell shows, as JSON. */
export function shown(value: Value): number | string | boolean | null {
  if (value instanceof CellError) return value.code;
  return typeof value === "number" ? Number(value.toPrecision(15)) : value;
}
