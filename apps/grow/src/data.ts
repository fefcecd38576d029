import { createHash } from "node:crypto";
import type { Random } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { toPretrainingBatch } from "./batch.ts";
import { maskPieces } from "./masking.ts";
import type { PretrainingBatch } from "./objective.ts";
import { createSampler, type RowShape } from "./sampling.ts";

/** How a stream becomes batches. */
export interface DataOptions {
  /** Shape of a batch, in phases: each holds until its last step. */
  readonly phases: readonly { readonly shape: RowShape; readonly steps: number }[];
  /** Pieces of a batch to guess. */
  readonly maskCount: number;
  readonly vocabularySize: number;
  readonly random: Random;
}

/**
 * Batches to pretrain on, one endless epoch. A batch is a function of its step, so a run goes on anywhere.
 *
 * @param stream - Pieces of all documents, with `[SEP]` between them.
 */
export function pretrainingData(
  stream: Uint16Array,
  { phases, maskCount, vocabularySize, random }: DataOptions,
): Batches<PretrainingBatch> {
  const samplers = phases.map(({ shape }) => createSampler(stream, shape, random.at("rows").at(shape.seq)));

  function batchAt(step: number): { readonly batch: PretrainingBatch; readonly rows: number } {
    let first = 0;
    const index = phases.findIndex(({ steps }, i) => {
      if (step < first + steps || i === phases.length - 1) return true;
      first += steps;
      return false;
    });
    const { shape } = phases[index]!;
    const rows = samplers[index]!(step - first);
    const masked = maskPieces(rows.ids, { count: maskCount, vocabularySize }, random.at("mask").at(step));
    return { batch: toPretrainingBatch(rows, masked, shape, vocabularySize), rows: shape.batch };
  }

  return {
    async *epoch(_, from = 0) {
      for (let step = from; ; step++) yield { ...batchAt(step), isLast: false };
    },
    describe: () => ({
      text: createHash("sha256").update(stream).digest("hex"),
      phases: phases.map(({ shape, steps }) => ({ ...shape, steps })),
      maskCount,
      random: { seed: random.seed, path: [...random.path] },
    }),
  };
}
