import { type Random, random } from "@cambium/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Batches, type BatchesOptions, batches } from "./batches.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A stream that starts over for every epoch. */
const stream = <Row>(rows: readonly Row[]): AsyncIterable<Row> => ({
  async *[Symbol.asyncIterator]() {
    yield* rows;
  },
});

const identity = (rows: readonly number[]): readonly number[] => rows;

async function collect<Batch>(data: Batches<Batch>, epoch: number, from?: number): Promise<Batch[]> {
  const found: Batch[] = [];
  for await (const { batch } of data.epoch(epoch, from)) found.push(batch);
  return found;
}

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Data of any size, batch size and kind. Lengths of rows repeat, so that buckets meet ties. */
const setups = fc.record({
  count: fc.integer({ min: 1, max: 300 }),
  size: fc.integer({ min: 1, max: 12 }),
  seed: fc.option(fc.nat(), { nil: undefined }),
  hasBuckets: fc.boolean(),
  isStream: fc.boolean(),
  epoch: fc.nat({ max: 5 }),
});

type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;

function dataOf({ count, size, seed, hasBuckets, isStream }: Setup, last: "keep" | "drop"): Batches<readonly number[]> {
  const options: BatchesOptions<number> = {
    size,
    last,
    ...(seed === undefined ? {} : { random: random(seed) }),
    ...(hasBuckets ? { buckets: (row: number) => row % 7 } : {}),
  };
  return batches(isStream ? stream(numbers(count)) : numbers(count), identity, options);
}

describe("properties", () => {
  test("every row comes exactly once in an epoch, in full batches but for the last", async () => {
    await fc.assert(
      fc.asyncProperty(setups, async (setup) => {
        const found = await collect(dataOf(setup, "keep"), setup.epoch);
        expect(ascending(found.flat())).toEqual(numbers(setup.count));
        expect(found.slice(0, -1).every((batch) => batch.length === setup.size)).toBe(true);
        expect(found).toHaveLength(Math.ceil(setup.count / setup.size));
      }),
    );
  });

  test("dropping the last rows leaves full batches of distinct rows", async () => {
    await fc.assert(
      fc.asyncProperty(setups, async (setup) => {
        fc.pre(setup.count >= setup.size);
        const found = await collect(dataOf(setup, "drop"), setup.epoch);
        expect(new Set(found.flat()).size).toBe(found.length * setup.size);
        expect(found).toHaveLength(Math.floor(setup.count / setup.size));
      }),
    );
  });

  test("the order is a function of the seed and the epoch alone", async () => {
    await fc.assert(
      fc.asyncProperty(setups, async (setup) => {
        const data = dataOf(setup, "keep");
        const first = await collect(data, setup.epoch);
        await collect(data, setup.epoch + 1);
        expect(await collect(data, setup.epoch)).toEqual(first);
        expect(await collect(dataOf(setup, "keep"), setup.epoch)).toEqual(first);
      }),
    );
  });

  test("resuming at a position gives the rest of the epoch", async () => {
    await fc.assert(
      fc.asyncProperty(setups, fc.nat(), async (setup, choice) => {
        const data = dataOf(setup, "keep");
        const all = await collect(data, setup.epoch);
        const from = choice % all.length;
        expect(await collect(data, setup.epoch, from)).toEqual(all.slice(from));
      }),
    );
  });

  test("exactly the last batch of an epoch says that it is the last", async () => {
    await fc.assert(
      fc.asyncProperty(setups, fc.constantFrom("keep", "drop"), async (setup, last) => {
        fc.pre(setup.count >= setup.size);
        const flags: boolean[] = [];
        for await (const { isLast } of dataOf(setup, last as "keep" | "drop").epoch(setup.epoch)) flags.push(isLast);
        expect(flags).toEqual(flags.map((_, i) => i === flags.length - 1));
      }),
    );
  });
});

describe("order", () => {
  test("without randomness rows keep their order", async () => {
    expect(await collect(batches(numbers(5), identity, { size: 2 }), 3)).toEqual([[0, 1], [2, 3], [4]]);
  });

  test("epochs and seeds differ", async () => {
    const of = (key: Random) => batches(numbers(100), identity, { size: 10, random: key });
    const first = await collect(of(random(1)), 0);
    expect(await collect(of(random(1)), 1)).not.toEqual(first);
    expect(await collect(of(random(2)), 0)).not.toEqual(first);
    expect(await collect(of(random(1).at("other")), 0)).not.toEqual(first);
  });

  test("buckets put rows of similar length together", async () => {
    const lengths = Array.from(random(3).integers(640, 100));
    const spread = (rows: readonly number[]): number => Math.max(...rows) - Math.min(...rows);
    const options = { size: 8, random: random(1) };
    const mixed = await collect(batches(lengths, spread, options), 0);
    const sorted = await collect(batches(lengths, spread, { ...options, buckets: (length) => length }), 0);
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(sorted)).toBeLessThan(mean(mixed) / 10); // 32 batches share the range of 100, 8 rows each
  });

  test("buckets do not make batches come in order of length", async () => {
    const first = (rows: readonly number[]): number => rows[0]!;
    const data = batches(numbers(64), first, { size: 2, random: random(1), buckets: (row) => row });
    const order = await collect(data, 0);
    expect(order).not.toEqual(ascending(order));
  });
});

describe("collating", () => {
  test("rows before the position are not collated", async () => {
    const collated: number[][] = [];
    const data = batches(numbers(10), (rows) => collated.push([...rows]), { size: 3 });
    await collect(data, 0, 2);
    expect(collated).toEqual([[6, 7, 8], [9]]);
  });

  test("a batch is not collated before it is asked for", async () => {
    let count = 0;
    const data = batches(numbers(10), () => ++count, { size: 2 });
    for await (const { batch } of data.epoch(0)) {
      expect(count).toBe(batch);
      if (batch === 3) break;
    }
    expect(count).toBe(3);
  });

  test("collate may be asynchronous", async () => {
    const data = batches(numbers(3), async (rows) => rows.length, { size: 2 });
    expect(await collect(data, 0)).toEqual([2, 1]);
  });
});

describe("bad input", () => {
  test("no rows are a typed error, at once", () => {
    expect(() => batches([], identity, { size: 2 })).toThrow(
      expect.objectContaining({ code: "CONFIG", message: expect.stringContaining("there are no rows") }),
    );
  });

  test("an empty stream is a typed error", async () => {
    await expect(collect(batches(stream<number>([]), identity, { size: 2 }), 0)).rejects.toMatchObject({
      code: "CONFIG",
    });
  });

  test("a generator that is used up is an error in the second epoch, with advice", async () => {
    async function* generate(): AsyncGenerator<number> {
      yield* [1, 2, 3];
    }
    const data = batches(generate(), identity, { size: 2 });
    expect(await collect(data, 0)).toEqual([[1, 2], [3]]);
    await expect(collect(data, 1)).rejects.toThrow("in epoch 1; a generator is used up after one epoch");
  });

  test("too few rows for one full batch are an error when the rest is dropped", () => {
    expect(() => batches(numbers(3), identity, { size: 4, last: "drop" })).toThrow("3 rows fill no batch of 4");
  });

  test("a position past the end of a shortened stream is an error", async () => {
    const data = batches(stream(numbers(4)), identity, { size: 2 });
    await expect(collect(data, 0, 2)).rejects.toThrow("epoch 0 has 2 batches, but was to resume after 2");
  });

  test.each([0, -1, 1.5, Number.NaN])("a batch size of %d is refused", (size) => {
    expect(() => batches([1], identity, { size })).toThrow("batches: ");
  });
});
