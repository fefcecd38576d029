import type { Random } from "@cambium/core";

/** Batches of one bucket pool: rows are sorted by length among that many batches of rows. */
const POOL_BATCHES = 32;

/** How rows become batches. */
export interface PlanOptions<Row> {
  readonly size: number;
  readonly random?: Random | undefined;
  readonly buckets?: ((row: Row) => number) | undefined;
  readonly last: "keep" | "drop";
}

function cut<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function shuffle<Item>(items: readonly Item[], random: Random | undefined): readonly Item[] {
  return random === undefined ? items : Array.from(random.permutation(items.length), (i) => items[i]!);
}

/**
 * The rows of each batch, every row exactly once: `⌊rows / size⌋` full batches, then the rest as a smaller one, kept or
 * dropped. A function of the rows and the key alone.
 *
 * With buckets, the shuffled rows are sorted by length within pools of 32 batches, and the full batches are shuffled. The
 * rest is taken out before the sorting, so that dropping it favours no length.
 */
export function planBatches<Row>(
  rows: readonly Row[],
  { size, random, buckets, last }: PlanOptions<Row>,
): readonly (readonly Row[])[] {
  const order = shuffle(rows, random?.at("rows"));
  const whole = rows.length - (rows.length % size);
  const rest = last === "keep" && whole < rows.length ? [order.slice(whole)] : [];
  const full = order.slice(0, whole);
  if (buckets === undefined) return [...cut(full, size), ...rest];
  const byLength = cut(full, size * POOL_BATCHES).flatMap((pool) =>
    cut(
      pool
        .map((row) => ({ row, length: buckets(row) }))
        .sort((a, b) => a.length - b.length)
        .map(({ row }) => row),
      size,
    ),
  );
  return [...shuffle(byLength, random?.at("batches")), ...rest];
}
