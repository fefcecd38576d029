import { ConfigError } from "@cambium/base";
import { IGNORED } from "../heads/losses.ts";
import type { Row } from "../row.ts";
import { needToken } from "../special-tokens.ts";
import { type EncodedRow, type Encoding, tokensOf } from "./encoding.ts";
import { textOf } from "./target.ts";

/** A text with the target's tokens as labels where it has mask tokens. */
export function maskedWords(row: Row, index: number, encoding: Encoding): EncodedRow[] {
  const { tokenizer } = encoding;
  const windows = tokensOf(row.text, row.pair, encoding);
  const shown = tokensOf(textOf(row, index), row.pair, { ...encoding, onCut: () => undefined });
  const mask = needToken(tokenizer, "mask", `collate: row ${index}`);
  return windows.map((tokens, w) => {
    const { ids } = tokens;
    const words = shown[w]?.ids ?? [];
    if (words.length !== ids.length || ids.some((id, i) => id !== mask && id !== words[i])) {
      throw new ConfigError({
        message: `collate: row ${index}'s target must be its text with one token in place of each mask, got ${words.length} tokens for ${ids.length}`,
        index,
      });
    }
    return { ...tokens, labels: ids.map((id, i) => (id === mask ? words[i]! : IGNORED)) };
  });
}
