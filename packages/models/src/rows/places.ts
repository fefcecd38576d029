/** Places of a text that rows name, as tokens. */
import { ConfigError } from "@cambium/base";
import type { Tokens } from "../tokenizer/frame.ts";

/** A piece of a text: `text.slice(from, to)`, in UTF-16 units as JavaScript counts. */
export interface Place {
  readonly from: number;
  readonly to: number;
}

/** Where a token stands without the blanks at its ends, which some vocabularies count to it. */
export function tokenPlace(text: string, [from, to]: readonly [number, number]): Place {
  const piece = text.slice(from, to);
  const before = piece.length - piece.trimStart().length;
  const behind = piece.length - piece.trimEnd().length;
  return before === piece.length ? { from: to, to } : { from: from + before, to: to - behind };
}

/** Indices of the tokens of a text that overlap a place. */
export function tokensWithin(text: string, tokens: Tokens, sequence: 0 | 1, place: Place): number[] {
  return tokens.offsets.flatMap((offsets, i) => {
    if (tokens.sequences[i] !== sequence) return [];
    const { from, to } = tokenPlace(text, offsets);
    return from < place.to && to > place.from ? [i] : [];
  });
}

/**
 * Throws unless a place lies in a text and holds something but blanks.
 *
 * @param what - What names it, for the message, such as `row 3's answer`.
 */
export function checkPlace(text: string, place: unknown, what: string, index: number): asserts place is Place {
  const { from, to } = (place ?? {}) as Partial<Place>;
  const isWhole = Number.isInteger(from) && Number.isInteger(to);
  if (isWhole && from! >= 0 && from! < to! && to! <= text.length && text.slice(from, to).trim() !== "") return;
  throw new ConfigError({
    message: `collate: ${what} needs from and to, places in its text of ${text.length} characters with something but blanks between them, got ${JSON.stringify(place)}`,
    index,
  });
}
