import type { Json } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { Batches } from "@cambium/train";
import type { RowShape } from "../encoder/framing.ts";
import { type Block, blocksOfSource, hashOf, type Source } from "./blocks.ts";

/** Steps of equal kind. */
export interface Phase {
  /** Shapes of batches, taken in turn. */
  readonly shapes: readonly RowShape[];
  /** @default to the end: of the last one only */
  readonly steps?: number;
}

/** How text becomes batches. */
export interface DataOptions<Batch> {
  readonly phases: readonly Phase[];
  readonly random: Random;
  /** Pieces of text in a row of `seq`. @default seq */
  readonly textWidth?: (seq: number) => number;
  /** Makes a batch of a block. Draws from `random` alone. */
  readonly toBatch: (block: Block, shape: RowShape, random: Random) => Batch | Promise<Batch>;
  /** What else batches depend on. */
  readonly about: Json;
}

/** Batches to pretrain on, one endless epoch. A batch is a function of its step, so a run resumes anywhere. */
export function growingData<Batch>(source: Source, options: DataOptions<Batch>): Batches<Batch> {
  const { phases, random, textWidth = (seq) => seq, toBatch, about } = options;
  const blocks = phases.map(({ shapes }) =>
    shapes.map(({ batch, seq }) => blocksOfSource(source, { batch, width: textWidth(seq) }, random.at("rows").at(seq))),
  );

  async function batchAt(step: number): Promise<{ readonly batch: Batch; readonly rows: number }> {
    let first = 0;
    const index = phases.findIndex(({ steps = Number.POSITIVE_INFINITY }) => {
      if (step < first + steps) return true;
      first += steps;
      return false;
    });
    const { shapes } = phases[index]!;
    const turn = (step - first) % shapes.length;
    const shape = shapes[turn]!;
    const block = blocks[index]![turn]!(Math.floor((step - first) / shapes.length));
    return { batch: await toBatch(block, shape, random.at("mask").at(step)), rows: shape.batch };
  }

  return {
    async *epoch(_, from = 0) {
      for (let step = from; ; step++) yield { ...(await batchAt(step)), isLast: false };
    },
    describe: () => ({
      text: hashOf(source.stream),
      ...(source.replay && { replay: { text: hashOf(source.replay.stream), share: source.replay.share } }),
      phases: phases.map(({ shapes, ...rest }) => ({ ...rest, shapes: shapes.map((shape) => ({ ...shape })) })),
      about,
      random: { seed: random.seed, path: [...random.path] },
    }),
  };
}
