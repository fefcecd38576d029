import { ConfigError } from "@cambium/base";
import type { Tokenizer } from "../tokenizer.ts";
import type { Truncation } from "../truncation.ts";
import type { EncodedRow } from "./encoding.ts";

/** A row in windows, and how it came to be so. */
interface Encoded {
  readonly windows: readonly EncodedRow[];
  readonly truncation: Truncation;
  /** Tokens that the row lost. */
  readonly lost: number;
}

/**
 * A function that throws for a text that begins with what the tokenizer puts in front of it, as chat templates write it: no model
 * was trained on two of them. Where a text has lost its begin, that is not known.
 */
export function beginCheck({ special, encode, decode }: Tokenizer): (row: Encoded, index: number) => void {
  const { bos } = special;
  if (bos === undefined || encode("").ids[0] !== bos) return () => undefined;
  return ({ windows, truncation, lost }, index) => {
    const isFirst = truncation === "end" || (windows.length === 1 && lost === 0);
    const [first, second] = windows[0]!.ids;
    if (!isFirst || first !== bos || second !== bos) return;
    throw new ConfigError({
      message: `collate: row ${index} would begin with ${JSON.stringify(decode([bos], { skipSpecial: false }))} twice, since the tokenizer puts it in front of a text that has it already; take it off the text, or learn a conversation as { messages }`,
      index,
    });
  };
}
