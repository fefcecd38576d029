/** What splits and draws ask of a row; any row of a table has it. */
export interface SplitRow {
  readonly text: string;
  readonly pair?: string;
  readonly label?: unknown;
  readonly group?: string;
}

/** Lists by key, in the order in which the keys first come. */
export function groupBy<Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
