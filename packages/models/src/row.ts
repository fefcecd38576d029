import { ConfigError } from "@cambium/base";
import type { HeadConfig } from "./head-config.ts";
import { IGNORED } from "./heads/losses.ts";
import { labelIndex, sequenceLabels } from "./row-label.ts";
import { needToken } from "./special-tokens.ts";
import type { Tokens } from "./tokenizer/frame.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { cut, type Truncation } from "./truncation.ts";

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
  /**
   * Token classification: the labels of the words of `text`, as it is split at white space. Masked words: `text` with
   * its words in place of the mask tokens, each one token long. Sequence to sequence: the second text. Causal language
   * models: what follows `text`, which alone is learnt then. @default for causal language models, `text` itself is learnt
   */
  readonly target?: string | readonly string[];
}

/**
 * A row as ids, with its labels as numbers: one for a sequence, or one for each label or output of its head; or one for each
 * token, −100 where there is none.
 */
export interface EncodedRow extends Pick<Tokens, "ids" | "types"> {
  readonly labels?: readonly number[];
}

/** How rows are encoded. */
export interface Encoding {
  readonly head: HeadConfig | undefined;
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly truncation: Truncation;
  /** Called for each text of the row that is cut, with how many tokens it lost. */
  readonly onCut: (tokens: number) => void;
}

/**
 * A row as the head reads it, cut to `maxLength` tokens.
 *
 * @param index - The row's place in its batch, for messages.
 * @throws {ConfigError} When the label or target is not what the head needs.
 */
export function encodeRow(row: Row, index: number, encoding: Encoding): EncodedRow {
  const { head, tokenizer, maxLength, truncation, onCut } = encoding;
  const cutting = { maxLength, truncation, onCut };
  if (typeof row?.text !== "string") {
    throw new ConfigError({ message: `collate: row ${index} needs a text, got ${typeof row?.text}`, index });
  }
  if (head?.kind === "token-classification" && row.target !== undefined) {
    return encodeWords(row, index, head.labels, encoding);
  }
  if (head?.kind === "causal-lm") return nextWords(row, index, encoding);
  const tokens = tokenizer.encode(row.text, row.pair, cutting);
  if (head?.kind === "masked-lm" && row.target !== undefined) {
    return { ...tokens, labels: hiddenWords(row, index, tokens, encoding) };
  }
  if (head?.kind === "sequence-to-sequence" && row.target !== undefined) {
    return { ...tokens, labels: tokenizer.encode(textOf(row, index), undefined, cutting).ids };
  }
  if (row.label === undefined) return tokens;
  if (head?.kind === "regression" || head?.kind === "sequence-classification")
    return { ...tokens, labels: sequenceLabels(row.label, index, head) };
  return tokens;
}

/** A target that is a text. */
function textOf({ target }: Row, index: number): string {
  if (typeof target === "string") return target;
  throw new ConfigError({
    message: `collate: row ${index} needs a text as target, got ${JSON.stringify(target)}`,
    index,
  });
}

/** A text that is learnt whole, or what follows it: cut at its end, or the text before it at its start. */
function nextWords(row: Row, index: number, { tokenizer, maxLength, truncation, onCut }: Encoding): EncodedRow {
  if (row.target === undefined) {
    const tokens = tokenizer.encode(row.text, row.pair, { maxLength, truncation, onCut });
    return { ...tokens, labels: tokens.ids };
  }
  const target = tokenizer.pieces(textOf(row, index));
  const whole = tokenizer.encode(row.text, row.pair).ids;
  const room = maxLength - target.length; // for the text, where the whole target is to stay
  const isCutBefore = truncation === "start" && whole.length > room && room > 2;
  const before = isCutBefore ? tokenizer.encode(row.text, row.pair, { maxLength: room, truncation }).ids : whole;
  const ids = [...before, ...target].slice(0, maxLength);
  if (ids.length <= before.length) {
    throw new ConfigError({
      message: `collate: row ${index} has ${whole.length} tokens before its target, and maxLength is ${maxLength}; shorten its text`,
      index,
    });
  }
  if (whole.length > room) onCut(whole.length - room);
  return { ids, types: ids.map(() => 0), labels: ids.map((id, i) => (i < before.length ? IGNORED : id)) };
}

/** Word by word, so that the first token of each word can carry the word's label. */
function encodeWords(
  row: Row,
  index: number,
  labels: readonly string[],
  { tokenizer, maxLength, truncation, onCut }: Encoding,
): EncodedRow {
  const words = row.text.split(/\s+/).filter((word) => word !== "");
  const { target } = row;
  if (row.pair !== undefined || !Array.isArray(target) || target.length !== words.length) {
    throw new ConfigError({
      message: `collate: row ${index} has ${words.length} words, split at white space; its target must be as many labels, and it can have no pair`,
      index,
    });
  }
  const first = needToken(tokenizer, "classification", `collate: row ${index}`);
  const last = needToken(tokenizer, "separator", `collate: row ${index}`);
  const ids: number[] = [];
  const marks: number[] = [];
  words.forEach((word, i) => {
    const pieces = tokenizer.pieces(i === 0 ? word : ` ${word}`);
    ids.push(...pieces);
    marks.push(...pieces.map((_, j) => (j === 0 ? labelIndex(target[i] as string, index, labels) : IGNORED)));
  });
  const kept = Math.min(ids.length, maxLength - 2);
  if (kept < ids.length) onCut(ids.length - kept);
  const whole = [first, ...cut(ids, kept, truncation), last];
  return { ids: whole, types: whole.map(() => 0), labels: [IGNORED, ...cut(marks, kept, truncation), IGNORED] };
}

/** The target's tokens where the text has mask tokens. */
function hiddenWords(
  row: Row,
  index: number,
  { ids }: Tokens,
  { tokenizer, maxLength, truncation }: Encoding,
): number[] {
  const shown = tokenizer.encode(textOf(row, index), row.pair, { maxLength, truncation }).ids;
  const mask = needToken(tokenizer, "mask", `collate: row ${index}`);
  if (shown.length !== ids.length || ids.some((id, i) => id !== mask && id !== shown[i])) {
    throw new ConfigError({
      message: `collate: row ${index}'s target must be its text with one token in place of each mask, got ${shown.length} tokens for ${ids.length}`,
      index,
    });
  }
  return ids.map((id, i) => (id === mask ? shown[i]! : IGNORED));
}
