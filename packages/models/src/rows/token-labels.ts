/** Labels of tokens, from the words of a text or from places in it. */
import { ConfigError, nearest } from "@cambium/base";
import type { HeadConfig } from "../head-config.ts";
import { IGNORED } from "../heads/losses.ts";
import type { Row } from "../row.ts";
import type { Tokens } from "../tokenizer/frame.ts";
import { type EncodedRow, type Encoding, tokensOf } from "./encoding.ts";
import { checkPlace, type Place, tokenPlace } from "./places.ts";
import { labelIndex } from "./sequence-labels.ts";

type TokenEncoding = Encoding<Extract<HeadConfig, { readonly kind: "token-classification" }>>;

/** A place of a text that has a label. */
export interface LabelledPlace extends Place {
  /** A label of the head, or what stands behind `B-` and `I-` in its labels. */
  readonly label: string;
}

/** Places of a text's tokens, in their order, without special ones. */
type Places = readonly Place[];

/** A text with a label for each token: of the words of `target`, or of the places of `spans`. */
export function encodeTokenLabels(row: Row, index: number, encoding: TokenEncoding): EncodedRow[] {
  const fail = (problem: string): ConfigError =>
    new ConfigError({ message: `collate: row ${index} ${problem}`, index });
  if (row.pair !== undefined) throw fail("has a pair, and labels of tokens are of one text");
  if (row.target !== undefined && row.spans !== undefined)
    throw fail("has a target and spans; one of them labels its tokens");
  const words = row.spans === undefined ? row.text.split(/\s+/).filter((word) => word !== "") : undefined;
  const text = words?.join(" ") ?? row.text;
  const { offsets, sequences } = encoding.tokenizer.encode(text);
  const places = offsets.filter((_, i) => sequences[i] !== undefined).map((place) => tokenPlace(text, place));
  const labels =
    words === undefined ? spanLabels(row, index, places, encoding) : wordLabels(row, index, words, places, encoding);
  return withLabels(tokensOf(text, undefined, encoding), labels, encoding);
}

/**
 * Windows with the labels of their tokens. A label is one of a token of the whole text, since several tokens can be the bytes of
 * one character and then stand at one place.
 */
function withLabels(windows: readonly Tokens[], labels: readonly number[], encoding: TokenEncoding): EncodedRow[] {
  const { truncation, stride = 0 } = encoding;
  let shift = 0;
  return windows.map((tokens) => {
    const count = tokens.sequences.filter((sequence) => sequence !== undefined).length;
    let next = truncation === "end" ? shift : labels.length - shift - count;
    shift += count - stride;
    return {
      ...tokens,
      labels: tokens.sequences.map((sequence) => (sequence === undefined ? IGNORED : labels[next++]!)),
    };
  });
}

/** The first token of each word carries the word's label, the others none. Words are joined by blanks. */
function wordLabels(
  { target }: Row,
  index: number,
  words: readonly string[],
  places: Places,
  { head }: TokenEncoding,
): readonly number[] {
  if (!Array.isArray(target) || target.length !== words.length) {
    throw new ConfigError({
      message: `collate: row ${index} has ${words.length} words, split at white space; its target must be as many labels`,
      index,
    });
  }
  const labels = new Array<number>(places.length).fill(IGNORED);
  let [start, token] = [0, 0];
  for (const [i, word] of words.entries()) {
    const label = labelIndex(target[i], index, head.labels);
    const end = start + word.length;
    while (token < places.length && places[token]!.to <= start) token++;
    const first = places[token];
    if (first !== undefined && first.from < end && first.from < first.to && labels[token] === IGNORED)
      labels[token] = label;
    start = end + 1;
  }
  return labels;
}

/** Every token of a span carries its label, with `B-` and `I-` where the head tells them apart; others carry `O`. */
function spanLabels(row: Row, index: number, tokens: Places, { head }: TokenEncoding): readonly number[] {
  const { text, spans } = row;
  const fail = (problem: string): ConfigError =>
    new ConfigError({ message: `collate: row ${index} ${problem}`, index });
  if (!Array.isArray(spans)) throw fail(`needs a list of spans, got ${JSON.stringify(spans)}`);
  const outside = head.labels.indexOf("O");
  if (outside === -1)
    throw fail(
      `has spans, and the head has no label "O" for what is outside of them; it has ${head.labels.join(", ")}`,
    );
  const places = (spans as readonly LabelledPlace[])
    .map((span, i) => {
      checkPlace(text, span, `row ${index}'s span ${i}`, index);
      const { from, to } = tokenPlace(text, [span.from, span.to]);
      return { from, to, ...pairOf(span.label, head.labels, index) };
    })
    .sort((a, b) => a.from - b.from);
  const second = places.find(({ from }, i) => i > 0 && from < places[i - 1]!.to);
  if (second !== undefined) throw fail(`has spans that overlap at ${second.from}`);
  let begun: (typeof places)[number] | undefined;
  return tokens.map(({ from, to }) => {
    const span = places.find((each) => from < each.to && to > each.from);
    if (span === undefined) return outside;
    if (from < span.from || to > span.to)
      throw fail(
        `has a span from ${span.from} to ${span.to} that ends within a token, ${JSON.stringify(text.slice(from, to))}; move it to the token's ends`,
      );
    const isFirst = span !== begun;
    begun = span;
    return isFirst ? span.begin : span.inside;
  });
}

/** What a label is at the beginning of a span, and within it. */
function pairOf(label: unknown, labels: readonly string[], index: number): { begin: number; inside: number } {
  const plain = labels.indexOf(label as string);
  if (plain !== -1) return { begin: plain, inside: plain };
  const [begin, inside] = [labels.indexOf(`B-${String(label)}`), labels.indexOf(`I-${String(label)}`)];
  const [one, other] = [begin === -1 ? inside : begin, inside === -1 ? begin : inside];
  if (typeof label === "string" && one !== -1) return { begin: one, inside: other };
  const names = [...new Set(labels.map((each) => each.replace(/^[BI]-/, "")))];
  const near = typeof label === "string" ? nearest(label, names) : undefined;
  throw new ConfigError({
    message: `collate: row ${index} has a span with the label ${JSON.stringify(label)}, the head has ${names.join(", ")}${near === undefined ? "" : `; was ${near} meant`}`,
    index,
    label,
  });
}
