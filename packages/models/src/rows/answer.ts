import { ConfigError } from "@cambium/base";
import type { HeadConfig } from "../head-config.ts";
import type { Row } from "../row.ts";
import type { Tokens } from "../tokenizer/frame.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type EncodedRow, type Encoding, tokensOf } from "./encoding.ts";
import { checkPlace, type Place, tokenPlace, tokensWithin } from "./places.ts";

type AnswerEncoding = Encoding<Extract<HeadConfig, { readonly kind: "question-answering" }>>;

/** An answer in the text that a question is about. */
export interface Answer extends Place {
  /** The answer itself, to be sure: it must be what stands there. */
  readonly text?: string;
}

/** The token that stands for no answer: the classification token, or the first where there is none. */
export function noAnswer({ special }: Pick<Tokenizer, "special">, { ids }: Pick<Tokens, "ids">): number {
  return Math.max(0, special.classification === undefined ? 0 : ids.indexOf(special.classification));
}

/** A question and the text that it is about, in windows over the latter. */
export function encodeAnswer(row: Row, index: number, encoding: AnswerEncoding): EncodedRow[] {
  const { text, pair, answer } = row;
  if (typeof pair !== "string") {
    throw new ConfigError({
      message: `collate: row ${index} needs a question as text, and as pair the text that it is about, got ${JSON.stringify(pair)}`,
      index,
    });
  }
  const windows = tokensOf(text, pair, encoding, "second");
  if (answer === undefined) return [...windows];
  if (answer !== null) checkAnswer(pair, answer, index);
  const labelled = windows.map((tokens) => ({ ...tokens, labels: spanOf(answer, pair, tokens) }));
  if (answer !== null && encoding.stride === undefined && labelled[0]!.labels === undefined) {
    throw new ConfigError({
      message: `collate: row ${index}'s answer lies behind the ${encoding.maxLength} tokens that are kept; pass stride for windows over long texts, or leave the row out`,
      index,
    });
  }
  return labelled.map(({ labels, ...tokens }) => {
    const none = noAnswer(encoding.tokenizer, tokens);
    return { ...tokens, labels: labels ?? [none, none] };
  });
}

function checkAnswer(pair: string, answer: Answer, index: number): void {
  checkPlace(pair, answer, `row ${index}'s answer`, index);
  const found = pair.slice(answer.from, answer.to);
  if (answer.text === undefined || answer.text === found) return;
  throw new ConfigError({
    message: `collate: row ${index}'s answer is ${JSON.stringify(answer.text)}, and from ${answer.from} to ${answer.to} stands ${JSON.stringify(found)}; places count UTF-16 units, as JavaScript's slice`,
    index,
  });
}

/** First and last token of an answer, unless the window lacks some of it. */
function spanOf(answer: Answer | null, pair: string, tokens: Tokens): number[] | undefined {
  if (answer === null) return undefined;
  const within = tokensWithin(pair, tokens, 1, answer);
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const { from, to } = tokenPlace(pair, [answer.from, answer.to]);
  // Characters that the tokenizer drops are in no token; where the text goes on beside the answer, it is whole all the same.
  const hasStart = tokenPlace(pair, tokens.offsets[first]!).from <= from || tokens.sequences[first - 1] === 1;
  const hasEnd = tokenPlace(pair, tokens.offsets[last]!).to >= to || tokens.sequences[last + 1] === 1;
  return hasStart && hasEnd ? [first, last] : undefined;
}
