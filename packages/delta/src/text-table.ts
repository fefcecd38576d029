/** A count with separators. */
export const countText = (count: number): string => count.toLocaleString("en-US");

/**
 * Rows under a head, in columns as wide as their longest cell.
 *
 * @param right - Columns of numbers, which end in one line.
 */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[],
): string {
  const table = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ")
      .trimEnd();
  return table.map(line).join("\n");
}
