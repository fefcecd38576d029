import { columnHeading, formatCell, type Table } from "./table.ts";

/**
 * The same table for a terminal: columns of equal width, numbers right-aligned, a rule under the headings.
 *
 * @returns Lines with a line feed after each.
 */
export function textTable({ columns, rows }: Pick<Table, "columns" | "rows">): string {
  const numeric = columns.map((_, index) => rows.some((row) => typeof row[index] === "number"));
  const lines = [
    columns.map(columnHeading),
    ...rows.map((row) => row.map((cell, index) => formatCell(cell, columns[index]!))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  const format = (line: readonly string[]): string =>
    line
      .map((cell, index) => (numeric[index] ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [format(lines[0]!), rule, ...lines.slice(1).map(format)].map((line) => `${line}\n`).join("");
}
