import { FormatError } from "@cambium/base";
import { parse } from "#csv";

/**
 * Rows of a table with a header, cells as they stand there.
 *
 * @throws {FormatError} When a row has another number of cells than the header, a name comes twice or a quote does not end.
 */
export function readCsv(
  caller: string,
  content: string,
): { readonly header: readonly string[]; readonly rows: string[][] } {
  let lines: string[][];
  try {
    lines = parse(content, { bom: true, skip_empty_lines: true });
  } catch (cause) {
    throw new FormatError({ message: `${caller}: no table: ${(cause as Error).message}`, cause });
  }
  const [header = [], ...rows] = lines;
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) throw new FormatError({ message: `${caller}: the column "${twice}" comes twice` });
  return { header, rows };
}

/** A cell as a number. An empty cell and `NA` are missing: NaN. */
export function numberOf(caller: string, cell: string, place: string): number {
  const text = cell.trim();
  if (text === "" || text === "NA" || text === "NaN") return Number.NaN;
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw new FormatError({ message: `${caller}: ${place} must be a number, got "${cell}"` });
}
