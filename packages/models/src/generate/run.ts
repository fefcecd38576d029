/** Rows continued together: one pass of the model for all that are on their way, those that have ended left out. */
import type { CancelledError } from "@cambium/base";
import type { Decoder, Sequences } from "./decoder.ts";
import { nextTurn } from "./next-turn.ts";
import type { Generated, Row, TextPiece } from "./row.ts";

/** What happens while rows are continued. `index` is a row's place. */
export type RowEvent =
  | ({ readonly type: "piece"; readonly index: number } & TextPiece)
  /** One text has ended. */
  | { readonly type: "row"; readonly index: number; readonly generated: Generated };

/** The rows of a prompt that were read, and what follows them. */
export interface Started {
  readonly sequences: Sequences;
  readonly scores: Float32Array;
}

/** What is read first: rows, behind a kept prefix where there is one. */
export interface Front {
  /** Ids of each row, behind the prefix. */
  readonly rows: readonly (readonly number[])[];
  readonly prefix?: Started | undefined;
  readonly deltas?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads rows. Those that are empty stand behind a prefix, which knows what follows it. */
export async function readFront(decoder: Decoder, { rows, prefix, deltas, signal }: Front): Promise<Started> {
  const behind = prefix?.sequences;
  const filled = rows.flatMap((row, index) => (row.length > 0 ? [index] : []));
  const options = { behind, deltas, signal };
  if (prefix === undefined || filled.length === rows.length) return decoder.begin(rows, options);
  const sequences = prefix.sequences.fork();
  const empty = rows.flatMap((row, index) => (row.length === 0 ? [index] : []));
  sequences.select(empty.map(() => 0));
  const scores = new Float32Array(rows.length * decoder.vocab);
  for (const index of empty) scores.set(prefix.scores, index * decoder.vocab);
  if (filled.length > 0) {
    try {
      const begun = await decoder.begin(
        filled.map((index) => rows[index]!),
        { ...options, deltas: deltas && filled.map((index) => deltas[index]!) },
      );
      for (const [i, index] of filled.entries()) {
        scores.set(begun.scores.subarray(i * decoder.vocab, (i + 1) * decoder.vocab), index * decoder.vocab);
      }
      sequences.add(begun.sequences);
    } catch (error) {
      sequences.dispose();
      throw error;
    }
  }
  const order = [...empty, ...filled];
  sequences.select(rows.map((_, index) => order.indexOf(index)));
  return { sequences, scores };
}

/**
 * Continues rows until all have ended.
 *
 * @param front - What they begin behind.
 * @param start - Makes the rows, once it is known at which positions they begin.
 */
export async function* continueRows(
  decoder: Decoder,
  front: Front,
  start: (lengths: readonly number[]) => readonly Row[],
): AsyncGenerator<RowEvent, void, undefined> {
  const { signal } = front;
  const isAborted = (): boolean => signal?.aborted === true;
  let started: Started | undefined;
  try {
    started = await readFront(decoder, front);
  } catch (error) {
    if (!isAborted() || (error as Partial<CancelledError>).code !== "CANCELLED") throw error;
  }
  try {
    const rows = start(started?.sequences.lengths ?? front.rows.map(() => 0));
    let open = rows.map((row, index) => ({ row, index }));
    let scores = started?.scores;
    for (;;) {
      const next: { readonly at: number; readonly id: number }[] = [];
      for (const [at, { row, index }] of open.entries()) {
        const taken: ReturnType<Row["take"]> =
          scores === undefined || isAborted()
            ? { pieces: row.abort() }
            : row.take(scores.subarray(at * decoder.vocab, (at + 1) * decoder.vocab));
        for (const piece of taken.pieces) yield { type: "piece", index, ...piece };
        if (taken.id === undefined) yield { type: "row", index, generated: row.result! };
        else next.push({ at, id: taken.id });
      }
      if (next.length === 0) return;
      const { sequences } = started!;
      if (next.length < open.length) sequences.select(next.map(({ at }) => at));
      open = next.map(({ at }) => open[at]!);
      await nextTurn();
      scores = await sequences.read(next.map(({ id }) => id));
    }
  } finally {
    started?.sequences.dispose();
  }
}
