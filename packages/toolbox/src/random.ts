/** Seeded draws for everything that is generated here: worlds, mail boxes, shops, instructions. */
export interface Random {
  /** Uniform on [0, 1). */
  next(): number;
  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** A member of a list that is not empty. */
  pick<Value>(list: readonly Value[]): Value;
  /** `count` different members, in random order; all of them when there are fewer. */
  sample<Value>(list: readonly Value[], count: number): Value[];
  /** Whether an event of this probability happens. */
  chance(probability: number): boolean;
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

/**
 * Draws from a seed, by `sfc32`; equal on every machine. Draws with different labels are unrelated.
 *
 * @see Doty-Humphrey, PractRand, sfc32; Fowler, Noll, Vo, FNV-1a for the label.
 */
export function seeded(seed: number, label = ""): Random {
  let [a, b, c, counter] = [hash(label), seed | 0, 0x9e3779b9 | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    integer,
    pick(list) {
      return list[integer(0, list.length - 1)]!;
    },
    sample(list, count) {
      const rest = [...list];
      return Array.from(
        { length: Math.min(count, rest.length) },
        () => rest.splice(integer(0, rest.length - 1), 1)[0]!,
      );
    },
    chance(probability) {
      return next() < probability;
    },
  };
}

/** The first draw that serves, such as one whose answer is the only one; an error when none of 500 does. */
export function until<Value>(draw: () => Value, serves: (value: Value) => boolean): Value {
  for (let tries = 0; tries < 500; tries++) {
    const value = draw();
    if (serves(value)) return value;
  }
  throw new Error("internal: no draw of 500 serves");
}

/** The member with the largest value, when it is the only one. */
export function onlyLargest<Item>(list: readonly Item[], value: (item: Item) => number): Item | undefined {
  const most = Math.max(...list.map(value));
  const found = list.filter((item) => value(item) === most);
  return found.length === 1 ? found[0] : undefined;
}
