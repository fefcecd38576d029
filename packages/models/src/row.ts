/** What rows are, and what they become for a head: the encodings of each kind are in `rows/`. */
import { ConfigError } from "@cambium/base";
import { type Answer, encodeAnswer } from "./rows/answer.ts";
import { checkRowKeys } from "./rows/check-keys.ts";
import { type EncodedRow, type Encoding, tokensOf } from "./rows/encoding.ts";
import { maskedWords } from "./rows/masked-words.ts";
import { nextWords } from "./rows/next-words.ts";
import { sequenceLabels } from "./rows/sequence-labels.ts";
import { textOf } from "./rows/target.ts";
import { encodeTokenLabels, type LabelledPlace } from "./rows/token-labels.ts";

/** One example. */
export interface Row {
  readonly text: string;
  /** Second text, for tasks on pairs. Embeddings: what `text` belongs to, or is scored with by `label`. */
  readonly pair?: string;
  /**
   * Sequence classification: a label of the head, or its index where no label is a number that could be meant instead; of a
   * head of several labels, a list of those that hold, which may be empty. Regression: a number, or of several outputs a list of
   * numbers, or numbers by the outputs' names. Embeddings with a loss of scores: how near `text` and `pair` are, a number.
   */
  readonly label?: string | number | readonly (string | number)[] | Readonly<Record<string, number>>;
  /** Embeddings: texts that are near to `text` and wrong for it, beside all that the batch holds for other rows. @default none */
  readonly negatives?: readonly string[];
  /** Token classification, in place of `target`: pieces of `text` with labels. What lies outside of them has the label `O`. */
  readonly spans?: readonly LabelledPlace[];
  /** Question answering: where in `pair` the answer to `text` stands, `null` where there is none. */
  readonly answer?: Answer | null;
  /**
   * Token classification: the labels of the words of `text`, as it is split at white space. Masked words: `text` with
   * its words in place of the mask tokens, each one token long. Sequence to sequence: the second text. Causal language
   * models: what follows `text`, which alone is learnt then. @default for causal language models, `text` itself is learnt
   */
  readonly target?: string | readonly string[];
}

/**
 * A row as the head reads it, cut to `maxLength` tokens, or in windows of as many.
 *
 * @param index - The row's place in its batch, for messages.
 * @throws {ConfigError} When the label or target is not what the head needs.
 */
export function encodeRow(row: Row, index: number, encoding: Encoding): readonly EncodedRow[] {
  const { head, tokenizer, maxLength, truncation, onCut } = encoding;
  if (typeof row?.text !== "string") {
    throw new ConfigError({ message: `collate: row ${index} needs a text, got ${typeof row?.text}`, index });
  }
  checkRowKeys(row, index, head);
  switch (head?.kind) {
    case "causal-lm":
      return nextWords(row, index, encoding);
    case "question-answering":
      return encodeAnswer(row, index, { ...encoding, head });
    case "token-classification":
      if (row.target === undefined && row.spans === undefined) break;
      return encodeTokenLabels(row, index, { ...encoding, head });
    case "masked-lm":
      if (row.target === undefined) break;
      return maskedWords(row, index, encoding);
    case "sequence-to-sequence": {
      const tokens = tokenizer.encode(row.text, row.pair, { maxLength, truncation, onCut });
      if (row.target === undefined) return [tokens];
      return [
        { ...tokens, labels: tokenizer.encode(textOf(row, index), undefined, { maxLength, truncation, onCut }).ids },
      ];
    }
    case "regression":
    case "sequence-classification": {
      if (row.label === undefined) break;
      const labels = sequenceLabels(row.label, index, head);
      return tokensOf(row.text, row.pair, encoding).map((tokens) => ({ ...tokens, labels }));
    }
  }
  return tokensOf(row.text, row.pair, encoding);
}
