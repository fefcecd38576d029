import type { HeadConfig } from "../head-config.ts";
import type { Tokens } from "../tokenizer/frame.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Truncation } from "../truncation.ts";

/**
 * A row as ids, with its labels as numbers: one for a sequence, or one for each label or output of its head; first and last token
 * of an answer; or one for each token, −100 where there is none.
 */
export interface EncodedRow extends Pick<Tokens, "ids" | "types"> {
  readonly labels?: readonly number[];
}

/** How rows are encoded. */
export interface Encoding<Head = HeadConfig | undefined> {
  readonly head: Head;
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly truncation: Truncation;
  /** Tokens that windows over a long text share; `undefined` where long texts are cut. */
  readonly stride?: number | undefined;
  /** Called for each text of the row that is cut, with how many tokens it lost. */
  readonly onCut: (tokens: number) => void;
}

/**
 * A text or a pair in windows, or cut to one. Of a pair the second text is cut into windows; without windows the longer one is
 * cut, or with `only` the second as well.
 */
export function tokensOf(
  text: string,
  pair: string | undefined,
  { tokenizer, maxLength, truncation, stride, onCut }: Omit<Encoding, "head">,
  only?: "second",
): readonly Tokens[] {
  if (stride === undefined && only === undefined)
    return [tokenizer.encode(text, pair, { maxLength, truncation, onCut })];
  const options = { maxLength, truncation, ...(pair !== undefined && { only: "second" as const }) };
  const windows = tokenizer.windows(text, pair, { ...options, stride: stride ?? 0 });
  if (stride !== undefined || windows.length === 1) return windows;
  const [kept] = windows;
  const countOf = ({ sequences }: Tokens): number => sequences.filter((sequence) => sequence === 1).length;
  onCut(windows.slice(1).reduce((lost, window) => lost + countOf(window), 0));
  return [kept!];
}
