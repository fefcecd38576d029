/** Puts special tokens round the tokens of one or two texts, whole or in part. */
import { isLow, widthAt } from "./aligned.ts";
import { isSpace } from "./characters.ts";
import type { Encoded, Pipeline } from "./pipeline.ts";
import type { Item } from "./post-processor.ts";

/** Tokens of one text or of a pair, special ones included: all lists have one entry for each token. */
export interface Tokens {
  readonly ids: number[];
  /** Segment of each token: 0 for the first text, 1 for the second where the tokenizer tells them apart. */
  readonly types: number[];
  /** Where each token stands in its text, in UTF-16 units: `text.slice(from, to)`. `[0, 0]` for special tokens round the texts. */
  readonly offsets: (readonly [from: number, to: number])[];
  /** Index of the word that each token belongs to, within its text; `undefined` for special tokens round the texts. */
  readonly words: (number | undefined)[];
  /** Which text each token belongs to; `undefined` for special tokens round the texts. */
  readonly sequences: (0 | 1 | undefined)[];
}

/** Some tokens of a text, from one to before another. */
export interface Span {
  readonly text: Encoded;
  readonly start: number;
  readonly end: number;
}

/** All tokens of a text. */
export const wholeOf = (text: Encoded): Span => ({ text, start: 0, end: text.ids.length });

/** How many special tokens stand round one or two texts. */
export function frameLength({ post }: Pipeline, isPair: boolean): number {
  const items = isPair ? post.pair : post.single;
  return items.reduce((length, item) => length + ("ids" in item ? item.ids.length : 0), 0);
}

/** Blanks at the ends of a token, as byte-level vocabularies write them or as they are. */
function countBlanks(token: string): readonly [before: number, behind: number] {
  const isBlank = (index: number): boolean => token[index] === "\u0120" || isSpace(token.charCodeAt(index));
  let before = 0;
  while (before < token.length && isBlank(before)) before++;
  let behind = 0;
  while (behind < token.length && isBlank(token.length - behind - 1)) behind++;
  return [before, behind];
}

/** Adds special tokens. */
export function frame(pipeline: Pipeline, first: Span, second: Span | undefined): Tokens {
  const { post, tokenOf } = pipeline;
  const tokens: Tokens = { ids: [], types: [], offsets: [], words: [], sequences: [] };
  const { ids, types, offsets, words, sequences } = tokens;

  /** The place of a token without blanks at its ends. */
  function trimmed({ text, start }: Span, index: number, space: boolean): readonly [number, number] {
    let from = text.from[index]!;
    let to = text.to[index]!;
    const token = text.found.get(index) ?? tokenOf(text.ids[index]!) ?? "";
    const [before, behind] = countBlanks(token);
    const isPutThere = (index === start || from === 0) && space && before === 1;
    // A blank that was put before a character has its place, which may be two units wide.
    const source = text.texts[text.isList ? text.words[index]! : 0]!;
    if (before > 0 && !isPutThere) for (let i = 0; i < before && from < to; i++) from += widthAt(source, from);
    if (to >= behind) for (let i = 0; i < behind && to > from; i++) to -= isLow(source, to - 1) ? 2 : 1;
    return [from, to];
  }

  function putText(span: Span, sequence: 0 | 1, type: number): void {
    const { text, start, end } = span;
    for (let i = start; i < end; i++) {
      ids.push(text.ids[i]!);
      types.push(type);
      offsets.push(post.trim === undefined ? [text.from[i]!, text.to[i]!] : trimmed(span, i, post.trim.addPrefixSpace));
      words.push(text.words[i]!);
      sequences.push(sequence);
    }
  }

  function put(item: Item): void {
    if ("sequence" in item) {
      const span = item.sequence === 0 ? first : second;
      if (span !== undefined) putText(span, item.sequence, item.type);
      return;
    }
    for (const id of item.ids) {
      ids.push(id);
      types.push(item.type);
      offsets.push([0, 0]);
      words.push(undefined);
      sequences.push(undefined);
    }
  }

  for (const item of second === undefined ? post.single : post.pair) put(item);
  return tokens;
}
