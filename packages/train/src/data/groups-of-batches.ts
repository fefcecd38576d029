import { ConfigError } from "@cambium/base";
import { disposeTrees } from "../tensors.ts";
import type { Batches, MiniBatch } from "./batches.ts";

/** A place in the order of the data. */
export interface Position {
  /** Epoch under way, from 0. */
  readonly epoch: number;
  /** Batches of that epoch that were taken. */
  readonly batch: number;
  /** Of the rows read since the epoch began, or in the epoch before when this one has not begun; where it is known. */
  readonly fingerprint?: string;
}

/** What one step takes, and where the next one begins. */
export interface BatchGroup<Batch> {
  /** Owned by the receiver. */
  readonly batches: readonly MiniBatch<Batch>[];
  readonly next: Position;
}

/** How data is cut into groups. */
export interface GroupOptions {
  /** Batches in a group. */
  readonly count: number;
  /** Whether positions are to have fingerprints, where the data makes any. */
  readonly fingerprints: boolean;
}

/** Data without end, in groups. */
export interface GroupsOfBatches<Batch> {
  take(): Promise<BatchGroup<Batch>>;
  /** Lets go of the data. */
  close(): Promise<void>;
}

async function* groupForever<Batch>(
  data: Batches<Batch>,
  from: Position,
  { count, fingerprints }: GroupOptions,
): AsyncGenerator<BatchGroup<Batch>, never> {
  let group: MiniBatch<Batch>[] = [];
  try {
    for (let { epoch, batch } = from; ; epoch++, batch = 0) {
      let isEmpty = true;
      for await (const item of data.epoch(epoch, batch, { fingerprints })) {
        isEmpty = false;
        group.push(item);
        batch++;
        if (group.length < count && !item.isLast) continue;
        const batches = group;
        group = [];
        const position = item.isLast ? { epoch: epoch + 1, batch: 0 } : { epoch, batch };
        const { fingerprint } = item;
        yield { batches, next: { ...position, ...(fingerprint === undefined ? {} : { fingerprint }) } };
      }
      // An epoch without a batch would be followed by another one, forever.
      if (isEmpty)
        throw new ConfigError({ message: `train: the data have no batch in epoch ${epoch}, counted from 0`, epoch });
    }
  } finally {
    disposeTrees(group);
  }
}

/**
 * The data of one epoch after another from a position on, `count` batches at a time. The last group of an epoch takes what
 * is left: no group spans two epochs.
 */
export function groupsOfBatches<Batch>(
  data: Batches<Batch>,
  from: Position,
  options: GroupOptions,
): GroupsOfBatches<Batch> {
  const groups = groupForever(data, from, options);
  return {
    take: async () => (await groups.next()).value,
    close: async () => {
      await groups.return(undefined as never);
    },
  };
}
