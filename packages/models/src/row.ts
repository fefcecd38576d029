import { ConfigError, nearest } from "@cambium/base";
import type { HeadConfig } from "./head-config.ts";
import { IGNORED } from "./heads/losses.ts";
import type { Tokenizer, Tokens } from "./tokenizer.ts";

/** One example. */
export interface Row {
  readonly text: string;
  /** Second text, for tasks on pairs. */
  readonly pair?: string;
  /** Sequence classification: a label of the head or its index. Regression: a number. */
  readonly label?: string | number;
  /**
   * Token classification: the labels of the words of `text`, as it is split at white space. Masked words: `text` with
   * its words in place of the mask tokens, each one token long. Sequence to sequence: the second text. Causal language
   * models: what follows `text`, which alone is learnt then. @default for causal language models, `text` itself is learnt
   */
  readonly target?: string | readonly string[];
}

/** A row as ids, with its labels as numbers: one for a sequence, or one for each token, −100 where there is none. */
export interface EncodedRow extends Tokens {
  readonly labels?: readonly number[];
}

/**
 * A row as the head reads it, cut to `maxLength` tokens.
 *
 * @param index - The row's place in its batch, for messages.
 * @throws {ConfigError} When the label or target is not what the head needs.
 */
export function encodeRow(
  row: Row,
  index: number,
  head: HeadConfig | undefined,
  tokenizer: Tokenizer,
  maxLength: number,
): EncodedRow {
  if (typeof row.text !== "string") {
    throw new ConfigError({ message: `collate: row ${index} needs a text, got ${typeof row.text}`, index });
  }
  if (head?.kind === "token-classification" && row.target !== undefined) {
    return encodeWords(row, index, head.labels, tokenizer, maxLength);
  }
  const tokens = tokenizer.encode(row.text, row.pair, { maxLength });
  if (head?.kind === "masked-lm" && row.target !== undefined) {
    return { ...tokens, labels: hiddenWords(row, index, tokens, tokenizer, maxLength) };
  }
  if (head?.kind === "causal-lm") return nextWords(row, index, tokens, tokenizer, maxLength);
  if (head?.kind === "sequence-to-sequence" && row.target !== undefined) {
    return { ...tokens, labels: tokenizer.encode(textOf(row, index), undefined, { maxLength }).ids };
  }
  if (row.label === undefined) return tokens;
  if (head?.kind === "regression") return { ...tokens, labels: [numberOf(row.label, index)] };
  if (head?.kind === "sequence-classification")
    return { ...tokens, labels: [labelIndex(row.label, index, head.labels)] };
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

/** A text that is learnt whole, or what follows it. */
function nextWords(row: Row, index: number, tokens: Tokens, tokenizer: Tokenizer, maxLength: number): EncodedRow {
  if (row.target === undefined) return { ...tokens, labels: tokens.ids };
  const target = tokenizer.pieces(textOf(row, index));
  const ids = [...tokens.ids, ...target].slice(0, maxLength);
  if (ids.length <= tokens.ids.length) {
    throw new ConfigError({
      message: `collate: row ${index} has ${tokens.ids.length} tokens before its target, and maxLength is ${maxLength}; shorten its text`,
      index,
    });
  }
  return { ids, types: ids.map(() => 0), labels: ids.map((id, i) => (i < tokens.ids.length ? IGNORED : id)) };
}

function numberOf(label: string | number, index: number): number {
  if (typeof label === "number" && Number.isFinite(label)) return label;
  throw new ConfigError({
    message: `collate: row ${index} needs a finite number as label, got ${label}`,
    index,
    label,
  });
}

function labelIndex(label: string | number, index: number, labels: readonly string[]): number {
  const found = typeof label === "number" ? label : labels.indexOf(label);
  if (Number.isInteger(found) && found >= 0 && found < labels.length) return found;
  const near = typeof label === "string" ? nearest(label, labels) : undefined;
  throw new ConfigError({
    message: `collate: row ${index} has the label ${JSON.stringify(label)}, the head has ${labels.join(", ")}${near === undefined ? "" : `; was ${near} meant`}`,
    index,
    label,
  });
}

/** Word by word, so that the first token of each word can carry the word's label. */
function encodeWords(
  row: Row,
  index: number,
  labels: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
): EncodedRow {
  const words = row.text.split(/\s+/).filter((word) => word !== "");
  const { target } = row;
  if (row.pair !== undefined || !Array.isArray(target) || target.length !== words.length) {
    throw new ConfigError({
      message: `collate: row ${index} has ${words.length} words, split at white space; its target must be as many labels, and it can have no pair`,
      index,
    });
  }
  const { pad: _, ...special } = tokenizer.special;
  const ids = [special.classification];
  const marks = [IGNORED];
  words.forEach((word, i) => {
    const pieces = tokenizer.pieces(i === 0 ? word : ` ${word}`);
    ids.push(...pieces);
    marks.push(...pieces.map((_, j) => (j === 0 ? labelIndex(target[i] as string, index, labels) : IGNORED)));
  });
  const cut = Math.min(ids.length, maxLength - 1);
  const whole = [...ids.slice(0, cut), special.separator];
  return { ids: whole, types: whole.map(() => 0), labels: [...marks.slice(0, cut), IGNORED] };
}

/** The target's tokens where the text has mask tokens. */
function hiddenWords(row: Row, index: number, { ids }: Tokens, tokenizer: Tokenizer, maxLength: number): number[] {
  const shown = tokenizer.encode(String(row.target), row.pair, { maxLength }).ids;
  const { mask } = tokenizer.special;
  if (shown.length !== ids.length || ids.some((id, i) => id !== mask && id !== shown[i])) {
    throw new ConfigError({
      message: `collate: row ${index}'s target must be its text with one token in place of each mask, got ${shown.length} tokens for ${ids.length}`,
      index,
    });
  }
  return ids.map((id, i) => (id === mask ? shown[i]! : IGNORED));
}
