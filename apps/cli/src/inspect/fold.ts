/** Repeated blocks as one row: `encoder.layer.0-11.attention.self.query.weight`. */

/** Names that differ in one number, together. */
export interface Fold<Value> {
  /** The names' common form, the numbers as a range. */
  readonly name: string;
  readonly values: readonly Value[];
}

const NUMBER = /(?<=^|\.)\d+(?=\.|$)/;

/** Numbers from 0 on in a few words: `0-11`, `0,2,5-7`. */
export function rangeText(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const runs: [from: number, to: number][] = [];
  for (const number of sorted) {
    const run = runs.at(-1);
    if (run !== undefined && number === run[1] + 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}

/**
 * Folds items whose names differ in their first number alone, and which are alike otherwise.
 *
 * @param alike - What must be equal for two items to be one row.
 * @returns In the order of the first of each.
 */
export function fold<Value>(
  items: Iterable<readonly [name: string, value: Value]>,
  alike: (value: Value) => string,
): Fold<Value>[] {
  const groups = new Map<string, { name: string; numbers: number[]; values: Value[] }>();
  for (const [name, value] of items) {
    const number = NUMBER.exec(name)?.[0];
    const key = JSON.stringify([number === undefined ? name : name.replace(NUMBER, "#"), alike(value)]);
    const group = groups.get(key) ?? { name, numbers: [], values: [] };
    groups.set(key, group);
    if (number !== undefined) group.numbers.push(Number(number));
    group.values.push(value);
  }
  return [...groups.values()].map(({ name, numbers, values }) => ({
    name: numbers.length < 2 ? name : name.replace(NUMBER, rangeText(numbers)),
    values,
  }));
}
