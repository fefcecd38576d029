import { checkOptions } from "@cambium/base";
import { type Html, html, raw } from "./html.ts";

/** A column of a table. */
export interface Column {
  readonly name: string;
  /** Stands behind the name, such as `ms` or `%`. */
  readonly unit?: string;
  /** Digits behind the point of its numbers. @default as many as needed, at most 4 */
  readonly digits?: number;
}

/** What stands in a row: text, a number, or nothing (`undefined`, shown as a dash). */
export type Cell = string | number | undefined;

/** A table for a report. */
export interface Table {
  readonly kind: "table";
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/**
 * A table. The first column names the rows.
 *
 * @throws {RangeError} When a row has another number of cells than there are columns.
 * @example
 * table({ caption: "Methods", columns: [{ name: "method" }, { name: "accuracy", unit: "%", digits: 1 }], rows: [["LoRA", 98.7]] });
 */
export function table(options: Omit<Table, "kind">): Table {
  checkOptions("table", options, ["caption", "columns", "rows"]);
  options.rows.forEach((row, index) => {
    if (row.length === options.columns.length) return;
    throw new RangeError(
      `table: row ${index} of "${options.caption}" has ${row.length} cells, there are ${options.columns.length} columns; fill gaps with undefined`,
    );
  });
  return { kind: "table", ...options };
}

/** A cell as text: numbers in English notation with the column's digits. */
export function formatCell(cell: Cell, { digits }: Column): string {
  if (cell === undefined) return "–";
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return Number.isNaN(cell) ? "not a number" : cell > 0 ? "∞" : "−∞";
  const fraction =
    digits === undefined
      ? { maximumFractionDigits: 4 }
      : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return cell.toLocaleString("en-US", fraction);
}

/** A column's heading: name and unit. */
export const columnHeading = ({ name, unit }: Column): string => (unit === undefined ? name : `${name} (${unit})`);

/** The table as HTML: headings in `th`, numbers right-aligned, scrolling sideways where the page is narrow. */
export function renderTable({ caption, columns, rows }: Table): Html {
  const numeric = columns.map((_, index) => rows.some((row) => typeof row[index] === "number"));
  const kind = (index: number): Html => raw(numeric[index] ? ' class="number"' : "");
  const headings = columns.map((column, index) => html`<th scope="col"${kind(index)}>${columnHeading(column)}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell, index) => {
      const shown = formatCell(cell, columns[index]!);
      return index === 0 ? html`<th scope="row"${kind(index)}>${shown}</th>` : html`<td${kind(index)}>${shown}</td>`;
    });
    return html`<tr>${raw(cells.map(({ markup }) => markup).join(""))}</tr>`;
  });
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${raw(headings.map(({ markup }) => markup).join(""))}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>`;
}
