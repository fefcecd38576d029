import { ConfigError } from "@cambium/base";
import { IGNORED } from "../heads/losses.ts";
import type { Row } from "../row.ts";
import type { Tokens } from "../tokenizer/frame.ts";
import { type EncodedRow, type Encoding, tokensOf } from "./encoding.ts";
import { textOf } from "./target.ts";

/** A text that is learnt whole, or what follows it: cut at its end, or the text before it at its start. */
export function nextWords(row: Row, index: number, encoding: Encoding): EncodedRow[] {
  const { tokenizer, maxLength, truncation, onCut } = encoding;
  if (row.target === undefined) {
    return tokensOf(row.text, row.pair, encoding).map((tokens, i) => ({
      ...tokens,
      labels: i === 0 ? tokens.ids : withoutRepeated(tokens, encoding),
    }));
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
  return [{ ids, types: ids.map(() => 0), labels: ids.map((id, i) => (i < before.length ? IGNORED : id)) }];
}

/** What a window has that the one before it has not: what both have is learnt once. */
function withoutRepeated({ ids, sequences }: Tokens, { truncation, stride = 0 }: Encoding): number[] {
  const ofText = sequences.flatMap((sequence, i) => (sequence === undefined ? [] : [i]));
  const repeated = new Set(truncation === "end" ? ofText.slice(0, stride) : ofText.slice(ofText.length - stride));
  return ids.map((id, i) => (repeated.has(i) ? IGNORED : id));
}
