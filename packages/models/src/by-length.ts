import { ConfigError } from "@cambium/base";
import type { Row } from "./row.ts";

/** Tokens of a text, where the model itself has no limit. */
const LONGEST = 2048;

/** A row, and where it stood. */
export interface PlacedRow {
  readonly row: Row;
  readonly index: number;
}

/** Most tokens of a text where nobody says otherwise. */
export function usualLength(maximum: number): number {
  return Math.min(maximum, LONGEST);
}

/** Throws unless it is a count. */
export function checkBatchSize(caller: string, batchSize: number): void {
  if (Number.isSafeInteger(batchSize) && batchSize >= 1) return;
  throw new ConfigError({
    message: `${caller}: batchSize must be a whole number from 1, got ${batchSize}`,
    batchSize,
  });
}

/**
 * Rows in batches of similar length, so that little is padding.
 *
 * @throws {ConfigError} When the batch size is no count.
 */
export function byLength(caller: string, rows: readonly Row[], batchSize: number): PlacedRow[][] {
  checkBatchSize(caller, batchSize);
  const lengthOf = ({ text, pair = "" }: Row): number => text.length + pair.length;
  const order = rows.map((row, index) => ({ row, index })).sort((a, b) => lengthOf(a.row) - lengthOf(b.row));
  const count = Math.ceil(order.length / batchSize);
  return Array.from({ length: count }, (_, i) => order.slice(i * batchSize, (i + 1) * batchSize));
}
