/**
 * What generation is written against: something that reads ids and says what may follow. Everything above it (choosing, stopping,
 * beams, formats, batches) works on the host, with scores alone; everything below it is an engine. `openDecoder` picks one.
 */

/** Settings of `begin`. */
export interface BeginOptions {
  /** What the rows stand behind: a sequence for each of them, or one for all. It stays as it is. @default nothing */
  readonly behind?: Sequences | undefined;
  /**
   * Which delta of a mixed model (`perRow`) each row wants, −1 for none. Rows behind others want the same as these.
   *
   * @default those of the sequences in front, else none
   */
  readonly deltas?: readonly number[] | undefined;
  /** Aborting it ends the reading with a `CancelledError`, at the next place where that is possible. */
  readonly signal?: AbortSignal | undefined;
}

/** What was read, and what follows it. */
export interface Begun {
  readonly sequences: Sequences;
  /** Scores of what follows each row's last id, `[rows, vocab]`: logits, before any processing. The caller's. */
  readonly scores: Float32Array;
}

/** A model that continues sequences of ids. */
export interface Decoder {
  /** Scores in a row. */
  readonly vocab: number;
  /**
   * Reads rows of ids, of mixed lengths. Of a model of two stacks they are sources, and what follows are targets; behind sequences
   * they are more of the targets.
   *
   * @throws {ConfigError} For no rows, an empty row, another number of rows than of sequences in front, and deltas other than
   *   those in front were read with.
   */
  begin(rows: readonly (readonly number[])[], options?: BeginOptions): Promise<Begun>;
}

/** What was read so far, one sequence after the other. */
export interface Sequences {
  readonly size: number;
  /** The position that comes next in each: the ids that were read, and rows that hooks put in front of them. */
  readonly lengths: readonly number[];
  /** Reads one more id for each; scores of what follows, `[size, vocab]`, the caller's. */
  read(ids: ArrayLike<number>): Promise<Float32Array>;
  /** Reads more ids for each, at least one; scores of what follows the last, `[size, vocab]`, the caller's. In place. */
  extend(rows: readonly (readonly number[])[]): Promise<Float32Array>;
  /** Keeps these sequences in this order, each as often as it is named; those that are not named are dropped. In place. */
  select(order: readonly number[]): void;
  /** Takes over the sequences of another of the same decoder, behind its own. The other is empty afterwards. */
  add(other: Sequences): void;
  /** A copy that goes its own way, with no more room than it takes. */
  fork(): Sequences;
  dispose(): void;
}
