/** What engines check of rows of ids. */
import { ConfigError } from "@cambium/base";

/**
 * Throws for rows that no engine can read.
 *
 * @param caller - Method to name in the message.
 */
export function checkReadable(caller: string, rows: readonly ArrayLike<number>[], vocab: number): void {
  if (rows.length === 0) throw new ConfigError({ message: `${caller}: at least one row of ids is needed` });
  for (const [row, ids] of rows.entries()) {
    if (ids.length === 0) throw new ConfigError({ message: `${caller}: row ${row} has no ids`, row });
    const strange = Array.from(ids).find((id) => !Number.isInteger(id) || id < 0 || id >= vocab);
    if (strange === undefined) continue;
    throw new ConfigError({
      message: `${caller}: row ${row} has the id ${strange}, and the model ids from 0 to ${vocab - 1}`,
      row,
    });
  }
}

const word = (delta: number): string => (delta === -1 ? "no delta" : `delta ${delta}`);

/** Throws where rows behind others want other deltas than those were read with, −1 for none. */
export function checkDeltas(read: readonly number[], wanted: readonly number[] | undefined): void {
  if (wanted === undefined) return;
  const row = wanted.findIndex((delta, i) => delta !== read[i]);
  if (row < 0) return;
  throw new ConfigError({
    message: `begin: row ${row} wants ${word(wanted[row]!)}, and what it stands behind was read with ${word(read[row]!)}`,
    row,
  });
}

/** What a model tells of the deltas on it. */
interface WithDeltas {
  readonly deltas?: readonly { readonly kind: string; readonly config: unknown }[];
}

/**
 * Throws for numbers of deltas that a model does not have, −1 for none: nobody would read them.
 *
 * @param caller - Function to name in the message.
 */
export function checkDeltaNumbers(caller: string, model: object, numbers: readonly number[] | undefined): void {
  if (numbers === undefined) return;
  const mixed = (model as WithDeltas).deltas?.find(({ kind }) => kind === "perRow");
  const count = Array.isArray(mixed?.config) ? mixed.config.length : 0;
  const row = numbers.findIndex((number) => !Number.isInteger(number) || number < -1 || number >= count);
  if (row < 0) return;
  throw new ConfigError({
    message:
      mixed === undefined
        ? `${caller}: a delta is chosen by number on models with perRow deltas, and this one has none; got ${numbers[row]}`
        : `${caller}: a delta must be a whole number from −1, for none, to ${count - 1}, got ${numbers[row]}`,
    row,
  });
}
