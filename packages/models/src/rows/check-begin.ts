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

/** The token that the tokenizer puts in front of texts, where these ids have it twice there. */
export function twiceBegun({ special, encode }: Tokenizer, [first, second]: readonly number[]): number | undefined {
  const { bos } = special;
  return bos !== undefined && first === bos && second === bos && encode("").ids[0] === bos ? bos : undefined;
}

/**
 * A function that throws for a text that begins with what the tokenizer puts in front of it, as chat templates write it: no model
 * was trained on two of them. Where a text has lost its begin, that is not known.
 */
export function beginCheck(tokenizer: Tokenizer): (row: Encoded, index: number) => void {
  return ({ windows, truncation, lost }, index) => {
    const isFirst = truncation === "end" || (windows.length === 1 && lost === 0);
    const bos = isFirst ? twiceBegun(tokenizer, windows[0]!.ids) : undefined;
    if (bos === undefined) return;
    throw new ConfigError({
      message: `collate: row ${index} would begin with ${JSON.stringify(tokenizer.decode([bos], { skipSpecial: false }))} twice, since the tokenizer puts it in front of a text that has it already; take it off the text, or learn a conversation as { messages }`,
      index,
    });
  };
}
