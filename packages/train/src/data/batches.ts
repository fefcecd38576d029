import { ConfigError, type Json, type JsonObject, parseConfig, StateError } from "@cambium/base";
import type { Random } from "@cambium/core";
import * as z from "zod";
import { createDigester, digestText } from "../checkpoint/digest.ts";
import { disposeTrees } from "../tensors.ts";
import { describeValue } from "./describe-value.ts";
import type { Position } from "./groups-of-batches.ts";
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
  /** Of the epoch's rows up to its last one, when asked for. */
  readonly fingerprint?: string;
}

/** What an epoch is asked for besides its batches. */
export interface EpochOptions {
  /** Whether batches carry a fingerprint of the rows so far, where `describe` does not cover them. @default false */
  readonly fingerprints?: boolean;
}

/** Makes a batch of rows. With `describe`, it says what it depends on besides the rows, for checkpoints. */
export interface Collate<Row, Batch> {
  (rows: readonly Row[]): Batch | Promise<Batch>;
  /** Such as the tokenizer, the longest text and the labels. */
  describe?(): Json | Promise<Json>;
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
  epoch(epoch: number, from?: number, options?: EpochOptions): AsyncIterable<MiniBatch<Batch>>;
  /**
   * What the batches depend on, as JSON, with a fingerprint of the rows: data of equal descriptions give equal batches. Only
   * checkpoints ask for it.
   *
   * @throws {ConfigError} When a row cannot be fingerprinted; names it.
   */
  describe(): JsonObject | Promise<JsonObject>;
  /**
   * For data whose rows `describe` cannot know, since they come as a stream: the fingerprint that the batch before a position
   * carries. Reads the rows up to there.
   */
  fingerprintAt?(position: Pick<Position, "epoch" | "batch">): Promise<string>;
}

/** Rows of a batch on their way. */
interface Followed<Row, Batch> {
  readonly item: readonly Row[];
  readonly isLast: boolean;
  /** The batch, where it had to be made already. */
  readonly made: { readonly batch: Batch } | undefined;
  readonly fingerprint?: string;
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
 * A stream (an async iterable) is read again for each epoch, so it must be an object whose iterator starts over, not a
 * generator that is used up. It is shuffled and sorted into buckets within windows of 64 batches, since it cannot be held
 * in memory as a whole.
 *
 * A checkpoint knows the rows by their fingerprints, in order: an array's all at once, a stream's as they come. A row may hold
 * plain data, typed arrays, tensors, and what has a `toJSON`. What `collate` depends on is known by its `describe()`, or else
 * by the first batch that it makes.
 *
 * @param rows - An array, or an async iterable that can be iterated over once per epoch.
 * @param collate - Makes a batch of rows. Its tensors are owned by whoever takes the batch, which `train` does.
 * @throws {ConfigError} When an array has no rows or too few for one batch, or an option is wrong.
 * @example
 * const data = batches(mails, collate(base, tokenizer, { maxLength: 128 }), { size: 16, random: random(2) });
 */
export function batches<Row, Batch>(
  rows: readonly Row[] | AsyncIterable<Row>,
  collate: Collate<Row, Batch>,
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

  /** What is known of some rows besides the collating: themselves, and what puts them into buckets. */
  async function describeRows(name: (i: number) => string, some: readonly Row[]): Promise<string> {
    const lines = some.map(async (row, i) => {
      const text = await describeValue(`batches: ${name(i)}`, row);
      return options.buckets === undefined ? text : `${text} ${options.buckets(row)}`;
    });
    return (await Promise.all(lines)).join("\n");
  }

  /** What is known of the collating by the first batch that it makes of an epoch. */
  async function describeFirst(batch: Batch): Promise<string> {
    try {
      return digestText(await describeValue("batches: the first batch of a collate without describe()", batch));
    } catch (error) {
      disposeTrees(batch);
      throw error;
    }
  }

  /** Rows of every batch of an epoch, with fingerprints where asked for; the first batch is made for them, if need be. */
  async function* followEpoch(epoch: number, follows: boolean): AsyncGenerator<Followed<Row, Batch>> {
    let fingerprint = "";
    let index = 0;
    for await (const { item, isLast } of markLast(planEpoch(epoch))) {
      let made: { readonly batch: Batch } | undefined;
      if (follows) {
        const batchIndex = index;
        const parts = [fingerprint, await describeRows((i) => `row ${i} of batch ${batchIndex}`, item)];
        if (index === 0 && collate.describe === undefined) {
          made = { batch: await collate(item) };
          parts.push(await describeFirst(made.batch));
        }
        fingerprint = await digestText(parts.join("\n"));
      }
      index++;
      yield { item, isLast, made, ...(follows ? { fingerprint } : {}) };
    }
  }

  async function* runEpoch(
    epoch: number,
    from: number,
    { fingerprints = false }: EpochOptions = {},
  ): AsyncGenerator<MiniBatch<Batch>> {
    let count = 0;
    for await (const { item, made, ...place } of followEpoch(epoch, fingerprints && list === undefined)) {
      count++;
      if (count <= from) disposeTrees(made);
      else yield { batch: made === undefined ? await collate(item) : made.batch, rows: item.length, ...place };
    }
    if (count === 0)
      throw noRows(
        `the stream gave no batch in epoch ${epoch}; a generator is used up after one epoch, an object with [Symbol.asyncIterator] is not`,
      );
    if (count <= from) {
      throw new ConfigError({
        message: `batches: epoch ${epoch} has ${count} batches, but was to resume after ${from}; has the data changed?`,
        epoch,
        count,
        from,
      });
    }
  }

  /** The fingerprint of all rows of an array, and of the first batch where that is needed. */
  async function describeList(all: readonly Row[]): Promise<JsonObject> {
    const digester = createDigester();
    for (let i = 0; i < all.length; i += 1024) {
      const some = all.slice(i, i + 1024);
      await digester.push(new TextEncoder().encode(`${await describeRows((j) => `row ${i + j}`, some)}\n`));
    }
    const { digest } = await digester.finish();
    if (collate.describe !== undefined) return { fingerprint: digest };
    for await (const { batch } of runEpoch(0, 0)) {
      try {
        return { fingerprint: digest, firstBatch: await describeFirst(batch) };
      } finally {
        disposeTrees(batch);
      }
    }
    throw new StateError({ message: "internal: an epoch without batches" });
  }

  return {
    ...(batchCount === undefined ? {} : { batchCount }),
    epoch: (epoch, from = 0, more) => runEpoch(epoch, from, more),
    describe: async () => ({
      rows: list?.length ?? "stream",
      ...(list && (await describeList(list))),
      collate: (await collate.describe?.()) ?? null,
      size,
      last,
      shuffled: random === undefined ? false : { seed: random.seed, path: random.path },
      buckets: options.buckets !== undefined,
    }),
    ...(list === undefined && {
      async fingerprintAt({ epoch, batch }) {
        let fingerprint = "";
        // At the beginning of an epoch it is that of the epoch before, which is read to its end.
        if (epoch === 0 && batch === 0) return fingerprint;
        let left = batch;
        for await (const followed of followEpoch(batch === 0 ? epoch - 1 : epoch, true)) {
          disposeTrees(followed.made);
          fingerprint = followed.fingerprint!;
          if (--left === 0) break;
        }
        return fingerprint;
      },
    }),
  };
}
