/** Cuts a stream into arrays of `size` items; the last one may be shorter. */
export async function* windows<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let window: Item[] = [];
  for await (const item of items) {
    window.push(item);
    if (window.length < size) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}

/** Says of each item of a stream whether it is the last, by looking one ahead. */
export async function* markLast<Item>(items: AsyncIterable<Item>): AsyncGenerator<{ item: Item; isLast: boolean }> {
  let held: { item: Item } | undefined;
  for await (const item of items) {
    if (held !== undefined) yield { ...held, isLast: false };
    held = { item };
  }
  if (held !== undefined) yield { ...held, isLast: true };
}
