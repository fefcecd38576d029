import type { Random } from "@cambium/core";

/** Up to this many orders of the conditions all are tried: 7!. */
const MOST_EXACT = 5040;

/** Every order of 0 … count − 1, the first as it is (Heap's way). */
function* allOrders(count: number): Generator<Uint32Array> {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const turns = new Uint32Array(count);
  yield order.slice();
  for (let i = 0; i < count; ) {
    if (turns[i]! >= i) {
      turns[i++] = 0;
      continue;
    }
    const other = i % 2 === 0 ? 0 : turns[i]!;
    [order[other], order[i]] = [order[i]!, order[other]!];
    yield order.slice();
    turns[i]!++;
    i = 0;
  }
}

/** The orders of a permutation test. */
export interface Orders {
  /** Whether these are all orders, the one that was observed among them. */
  readonly exact: boolean;
  readonly orders: Iterable<Uint32Array>;
}

/** All orders of the conditions where they are few, else as many random ones as asked for. */
export function ordersOf(count: number, permutations: number, random: Random): Orders {
  let factorial = 1;
  for (let i = 2; i <= count && factorial <= MOST_EXACT; i++) factorial *= i;
  if (factorial <= MOST_EXACT) return { exact: true, orders: allOrders(count) };
  function* drawn(): Generator<Uint32Array> {
    for (let i = 0; i < permutations; i++) yield random.at(i).permutation(count);
  }
  return { exact: false, orders: drawn() };
}

/** p from how many of the permuted scores reach the observed one: `(1 + b) / (1 + B)`, or `b / B` where all orders were tried. */
export const pOf = (reached: number, tried: number, exact: boolean): number =>
  exact ? reached / tried : (1 + reached) / (1 + tried);

/** What scores may differ by and still be the same: sums of the same numbers in another order. */
export const SAME = 1e-12;
