/** What the values of a label column are, and what is odd about them. */
import { ConfigError, FormatError } from "@cambium/base";
import type { Columns } from "./columns.ts";
import type { TableRow } from "./read-table.ts";

/** What is to be learnt. */
export type LabelKind = "classes" | "numbers" | "texts" | "none";

/** Different integers up to which they could be classes as well as amounts. */
const FEW = 20;

const isNumber = (label: TableRow["label"]): boolean => label !== "" && Number.isFinite(Number(label));

/**
 * Whether labels are classes or numbers.
 *
 * @param wanted - As given.
 * @throws {ConfigError} When whole numbers could be either.
 * @throws {FormatError} When numbers are wanted and a row has none; names it.
 */
export function labelKind(
  name: string,
  { label, target }: Columns,
  rows: readonly TableRow[],
  wanted: "classes" | "numbers" | undefined,
): { readonly kind: LabelKind; readonly note: readonly string[] } {
  if (target !== undefined) {
    if (wanted === undefined) return { kind: "texts", note: [] };
    throw new ConfigError({
      message: `readTable: kind is of labels, and column "${target}" of ${name} holds texts to be written`,
    });
  }
  if (label === undefined) return { kind: "none", note: [] };
  const strange = rows.find((row) => !isNumber(row.label));
  if (wanted === "numbers" && strange !== undefined) {
    throw new FormatError({
      message: `readTable: ${name}, row ${strange.row}: column "${label}" must be a number, got "${strange.label}"`,
      row: strange.row,
    });
  }
  if (wanted !== undefined) return { kind: wanted, note: [] };
  if (strange !== undefined) return { kind: "classes", note: [] };
  const values = [...new Set(rows.map((row) => Number(row.label)))].sort((a, b) => a - b);
  if (values.length > FEW || values.some((value) => !Number.isInteger(value))) {
    return {
      kind: "numbers",
      note: [
        `kind: numbers, since column "${label}" holds ${values.length} of them from ${values[0]} to ${values.at(-1)}`,
      ],
    };
  }
  if (values.length === 2)
    return { kind: "classes", note: [`kind: classes, since column "${label}" holds ${values.join(" and ")} only`] };
  throw new ConfigError({
    message: `readTable: column "${label}" of ${name} holds the numbers ${values.join(", ")}, which could be classes or amounts; say which: { kind: "classes" } or { kind: "numbers" }`,
    values,
  });
}

const missing = new Set(["nan", "null", "none", "n/a", "na", "undefined", "-", "?"]);

/** What whoever made the table may not have meant: classes that differ in case only, that read like no class, or with one row. */
export function labelNotes(labels: readonly string[], rows: readonly TableRow[]): string[] {
  const counts = new Map<string, number>();
  for (const { label } of rows) counts.set(label as string, (counts.get(label as string) ?? 0) + 1);
  const plain = (label: string): string => label.toLowerCase().replace(/\s+/g, " ");
  const alike = new Map(labels.map((label) => [plain(label), labels.filter((other) => plain(other) === plain(label))]));
  return [
    ...[...alike.values()]
      .filter((group) => group.length > 1)
      .map((group) => `classes that differ in case or spaces only: ${group.join(", ")}`),
    ...labels
      .filter((label) => missing.has(label.toLowerCase()))
      .map((label) => `${counts.get(label)} rows have the class "${label}", which reads like none`),
    ...labels
      .filter((label) => counts.get(label) === 1)
      .map((label) => `class "${label}" has one row, so that it cannot be both learnt and measured`),
  ];
}
