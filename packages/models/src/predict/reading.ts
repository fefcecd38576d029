/** What a predictor does with a head: how a text becomes rows, and what the scores of these say of it. */
import type { Row } from "../row.ts";
import type { Encoding } from "../rows/encoding.ts";
import type { Tokens } from "../tokenizer/frame.ts";

/** A text, or a pair. */
export type Input = Pick<Row, "text" | "pair">;

/** How texts become tokens for a prediction. */
export type PredictorEncoding = Omit<Encoding, "head" | "stride"> & {
  /** Tokens that windows over a long text share. */
  readonly stride: number;
};

/** The reading of one kind of head. `Part` is what is kept of a window until all windows of its text are there. */
export interface Reading<Part, Prediction> {
  /** A text in windows, or cut to one. */
  windows(input: Input, index: number, encoding: PredictorEncoding): readonly Tokens[];
  /** Which tokens scores are wanted of, where that is not one row of scores for all, or one for each token. */
  positions?(tokens: Tokens): readonly number[];
  /** What a window's scores say: one row of a whole sequence, or one for each token or position. */
  digest(scores: readonly (readonly number[])[], tokens: Tokens, input: Input): Part;
  /** What all windows of a text say, in their order. */
  combine(parts: readonly Part[], input: Input): Prediction;
}
