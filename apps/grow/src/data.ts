import { createHash } from "node:crypto";
import type { Random } from "@cambium/core";
import type { Batches } from "@cambium/train";
import { toPretrainingBatch } from "./batch.ts";
import { maskPieces } from "./masking.ts";
import type { PretrainingBatch } from "./objective.ts";
import { createSampler, type RowShape } from "./sampling.ts";

/** How a stream becomes batches. */
export interface DataOptions {
  /** Shapes of batches, in phases: each holds until its last step, and takes its shapes in turn. */
  readonly phases: readonly { readonly shapes: readonly RowShape[]; readonly steps: number }[];
  /** Pieces of a batch to guess. */
  readonly maskCount: number;
  /** The teacher's id of each piece. */
  readonly teacherIds: readonly number[];
  readonly random: Random;
}

/**
 * Batches to pretrain on, one endless epoch. A batch is a function of its step, so a run goes on anywhere.
 *
 * @param stream - Pieces of all documents, with `[SEP]` between them.
 */
export function pretrainingData(
  stream: Uint16Array,
  { phases, maskCount, teacherIds, random }: DataOptions,
): Batches<PretrainingBatch> {
  const samplers = phases.map(({ shapes }) =>
    shapes.map((shape) => createSampler(stream, shape, random.at("rows").at(shape.seq))),
  );
  const inTeacher = Int32Array.from(teacherIds);

  function batchAt(step: number): { readonly batch: PretrainingBatch; readonly rows: number } {
    let first = 0;
    const index = phases.findIndex(({ steps }, i) => {
      if (step < first + steps || i === phases.length - 1) return true;
      first += steps;
      return false;
    });
    const { shapes } = phases[index]!;
    const turn = (step - first) % shapes.length;
    const shape = shapes[turn]!;
    const rows = samplers[index]![turn]!(Math.floor((step - first) / shapes.length));
    const options = { count: maskCount, vocabularySize: inTeacher.length };
    const masked = maskPieces(rows.ids, options, random.at("mask").at(step));
    return { batch: toPretrainingBatch(rows, masked, shape, inTeacher), rows: shape.batch };
  }

  return {
    async *epoch(_, from = 0) {
      for (let step = from; ; step++) yield { ...batchAt(step), isLast: false };
    },
    describe: () => ({
      text: createHash("sha256").update(stream).digest("hex"),
      phases: phases.map(({ shapes, steps }) => ({ shapes: shapes.map((shape) => ({ ...shape })), steps })),
      maskCount,
      random: { seed: random.seed, path: [...random.path] },
    }),
  };
}
