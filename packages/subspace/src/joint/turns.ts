/** Batches of several tasks by turns: a step takes one of one task, and a task's data start again when they end. */
import { ConfigError } from "@cambium/base";
import type { Batches, MiniBatch } from "@cambium/train";

/** The batches of one task, one after the other, without an end. */
export interface Turns<Batch> {
  /** The batch of a turn, from 0. Of a stream the turns must come in their order. */
  take(turn: number): Promise<MiniBatch<Batch>>;
  /** Lets go of a stream. */
  close(): Promise<void>;
}

/** Data that start again when they end. */
export function turnsOf<Batch>(source: Batches<Batch>): Turns<Batch> {
  const { batchCount } = source;
  if (batchCount !== undefined)
    return {
      take: (turn) => firstOf(source.epoch(Math.floor(turn / batchCount), turn % batchCount)),
      close: async () => undefined,
    };
  let epoch = 0;
  let stream: AsyncIterator<MiniBatch<Batch>> | undefined;
  return {
    async take() {
      const held = await stream?.next();
      if (held !== undefined && held.done !== true) return held.value;
      if (stream !== undefined) epoch += 1;
      stream = source.epoch(epoch)[Symbol.asyncIterator]();
      const { done, value } = await stream.next();
      if (done === true) throw new ConfigError({ message: `there is no batch in epoch ${epoch} of the data` });
      return value;
    },
    close: async () => void (await stream?.return?.()),
  };
}

async function firstOf<Batch>(epoch: AsyncIterable<MiniBatch<Batch>>): Promise<MiniBatch<Batch>> {
  for await (const batch of epoch) return batch;
  throw new Error("internal: an epoch without batches");
}

/**
 * Throws for a stream where there are checkpoints, which could not know its rows.
 *
 * @throws {ConfigError} Names the task.
 */
export function checkResumable<Batch>(
  caller: string,
  data: Readonly<Record<string, Batches<Batch>>> | undefined,
  checkpoint: unknown,
): void {
  if (checkpoint === undefined) return;
  const stream = Object.entries(data ?? {}).find(([, { batchCount }]) => batchCount === undefined);
  if (stream !== undefined)
    throw new ConfigError({
      message: `${caller}: the data of ${stream[0]} are a stream, which a checkpoint cannot take up in the middle; make them of an array, or leave out checkpoint`,
      task: stream[0],
    });
}
