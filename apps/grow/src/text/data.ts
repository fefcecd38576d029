import { createHash } from "node:crypto";
import type { Json } from "@cambium/base";
import type { Random } from "@cambium/core";
import type { Batches } from "@cambium/train";
import type { RowShape } from "../encoder/framing.ts";
import { rowsOf, type Source } from "./windows.ts";

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
  /** Makes a batch of the rows' texts. Draws from `random` alone. */
  readonly toBatch: (texts: readonly Uint16Array[], shape: RowShape, random: Random) => Batch;
  /** What else batches depend on. */
  readonly about: Json;
}

const hashOf = (stream: Uint16Array): string => createHash("sha256").update(stream).digest("hex");

/** Batches to pretrain on, one endless epoch. A batch is a function of its step, so a run resumes anywhere. */
export function growingData<Batch>(source: Source, options: DataOptions<Batch>): Batches<Batch> {
  const { phases, random, textWidth = (seq) => seq, toBatch, about } = options;
  const texts = phases.map(({ shapes }) =>
    shapes.map(({ seq }) => rowsOf(source, textWidth(seq), random.at("rows").at(seq))),
  );

  function batchAt(step: number): { readonly batch: Batch; readonly rows: number } {
    let first = 0;
    const index = phases.findIndex(({ steps = Number.POSITIVE_INFINITY }, i) => {
      if (step < first + steps || i === phases.length - 1) return true;
      first += steps;
      return false;
    });
    const { shapes } = phases[index]!;
    const turn = (step - first) % shapes.length;
    const shape = shapes[turn]!;
    const from = Math.floor((step - first) / shapes.length) * shape.batch;
    const own = Array.from({ length: shape.batch }, (_, i) => texts[index]![turn]!(from + i));
    return { batch: toBatch(own, shape, random.at("mask").at(step)), rows: shape.batch };
  }

  return {
    async *epoch(_, from = 0) {
      for (let step = from; ; step++) yield { ...batchAt(step), isLast: false };
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
