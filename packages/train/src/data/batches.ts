import { ConfigError, type JsonObject, parseConfig } from "@cambium/base";
import type { Random } from "@cambium/core";
import * as z from "zod";
import { type PlanOptions, planBatches } from "./plan.ts";
import { markLast, windows } from "./streams.ts";

/** A stream is shuffled and sorted into buckets among this many batches of rows. */
const WINDOW_BATCHES = 64;

/** How rows become batches. */
export interface BatchesOptions<Row> {
  /** Rows per batch, at least 1. */
  readonly size: number;
  /** Shuffles the rows, in another order each epoch. Without it they keep their order. */
  readonly random?: Random;
  /** Length of a row in any unit; rows of similar length then share a batch, so that little is padded. */
  readonly buckets?: (row: Row) => number;
  /** What happens to the last rows of an epoch when they fill no batch. @default "keep" */
  readonly last?: "keep" | "drop";
}

/** A batch that its receiver owns: its tensors are to be disposed of. */
export interface MiniBatch<Batch> {
  readonly batch: Batch;
  /** Rows in it. */
  readonly rows: number;
  /** Whether the epoch ends with it. */
  readonly isLast: boolean;
}

/** Data that can be gone through again and again, in an order that depends on the epoch alone. */
export interface Batches<Batch> {
  /** Batches in an epoch; unknown for streams. */
  readonly batchCount?: number;
  /**
   * The batches of one epoch. Each is made when it is asked for.
   *
   * @param epoch - From 0.
   * @param from - Batches to leave out at the beginning; none of them is collated. @default 0
   * @throws {ConfigError} When there are no rows, or fewer batches than `from`.
   */
  epoch(epoch: number, from?: number): AsyncIterable<MiniBatch<Batch>>;
  /** What the order depends on, as JSON: data of equal descriptions is gone through in the same order. */
  describe(): JsonObject;
}

const schema = z.strictObject({
  size: z.int().positive(),
  random: z.custom<Random>((value) => typeof (value as Random | undefined)?.permutation === "function").exactOptional(),
  buckets: z.custom<(row: never) => number>((value) => typeof value === "function").exactOptional(),
  last: z.enum(["keep", "drop"]).exactOptional(),
});

function noRows(what: string): ConfigError {
  return new ConfigError({ message: `batches: ${what}; check where the rows come from` });
}

/**
 * Batches of rows, epoch by epoch.
 *
 * Every row comes once in an epoch (unless the last rows are dropped). With `random`, the order is a function of its key
 * and of the epoch only, so a position in it is two numbers and nothing else has to be saved.
 *
 * A stream (an async iterable) is read anew for each epoch, so it must be an object whose iterator starts over, not a
 * generator that is used up. It is shuffled and sorted into buckets within windows of 64 batches, since it cannot be held
 * in memory as a whole.
 *
 * @param rows - An array, or an async iterable that can be iterated over once per epoch.
 * @param collate - Makes a batch of rows. Its tensors are owned by whoever takes the batch, which `train` does.
 * @throws {ConfigError} When an array has no rows or too few for one batch, or an option is wrong.
 * @example
 * const data = batches(mails, collate(base, tokenizer, { maxLength: 128 }), { size: 16, random: random(2) });
 */
export function batches<Row, Batch>(
  rows: readonly Row[] | AsyncIterable<Row>,
  collate: (rows: readonly Row[]) => Batch | Promise<Batch>,
  options: BatchesOptions<Row>,
): Batches<Batch> {
  const { size, random, last = "keep" } = parseConfig("batches", schema, options);
  const list = Array.isArray(rows) ? (rows as readonly Row[]) : undefined;
  const plan: PlanOptions<Row> = { size, random, buckets: options.buckets, last };
  const batchCount = list && Math[last === "keep" ? "ceil" : "floor"](list.length / size);
  if (batchCount === 0) {
    throw noRows(
      list?.length === 0
        ? "there are no rows"
        : `${list?.length} rows fill no batch of ${size}, and the rest is dropped`,
    );
  }

  /** Rows of every batch of an epoch, in order. */
  async function* planEpoch(epoch: number): AsyncGenerator<readonly Row[]> {
    const key = random?.at("epoch").at(epoch);
    if (list !== undefined) return yield* planBatches(list, { ...plan, random: key });
    let index = 0;
    for await (const window of windows(rows as AsyncIterable<Row>, size * WINDOW_BATCHES)) {
      yield* planBatches(window, { ...plan, random: key?.at(index++) });
    }
  }

  async function* runEpoch(epoch: number, from: number): AsyncGenerator<MiniBatch<Batch>> {
    let count = 0;
    for await (const { item, isLast } of markLast(planEpoch(epoch))) {
      count++;
      if (count > from) yield { batch: await collate(item), rows: item.length, isLast };
    }
    if (count === 0)
      throw noRows(
        `the stream gave no batch in epoch ${epoch}; a generator is used up after one epoch, an object with [Symbol.asyncIterator] is not`,
      );
    if (count <= from) {
      throw new ConfigError({
        message: `batches: epoch ${epoch} has ${count} batches, but was to go on after ${from}; has the data changed?`,
        epoch,
        count,
        from,
      });
    }
  }

  return {
    ...(batchCount === undefined ? {} : { batchCount }),
    epoch: (epoch, from = 0) => runEpoch(epoch, from),
    describe: () => ({
      rows: list?.length ?? "stream",
      size,
      last,
      shuffled: random === undefined ? false : { seed: random.seed, path: random.path },
      buckets: options.buckets !== undefined,
    }),
  };
}
