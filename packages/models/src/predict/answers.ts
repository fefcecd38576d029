import { ConfigError } from "@cambium/base";
import type { AnswerScore } from "../prediction.ts";
import { noAnswer } from "../rows/answer.ts";
import { tokenPlace } from "../rows/places.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Reading } from "./reading.ts";
import { softmax } from "./scores.ts";

/** Settings of answers. */
export interface AnswerSettings {
  readonly topK: number;
  readonly maxAnswerTokens: number;
  readonly noAnswer: boolean;
}

/** What a window says: its best answers, and how likely none is. */
interface Part {
  readonly answers: readonly AnswerScore[];
  readonly none: number;
}

/**
 * Places of the second text that answer the first. The probability of a place is that of its first token times that of its last,
 * each among the tokens of the second text in the window and the one that stands for no answer, as in transformers' former pipeline.
 */
export function answerReading(
  tokenizer: Pick<Tokenizer, "special">,
  { topK, maxAnswerTokens, noAnswer: withNone }: AnswerSettings,
): Reading<Part, readonly AnswerScore[]> {
  return {
    windows({ text, pair }, index, { tokenizer: { windows }, maxLength, stride }) {
      if (pair === undefined)
        throw new ConfigError({
          message: `predictor: text ${index} needs a question as text, and as pair the text that it is about`,
          index,
        });
      return windows(text, pair, { maxLength, stride, only: "second", truncation: "end" });
    },
    digest(scores, tokens, { pair }) {
      const inText = tokens.sequences.flatMap((sequence, i) => (sequence === 1 ? [i] : []));
      const at = inText.map((i) => tokenPlace(pair!, tokens.offsets[i]!));
      const none = noAnswer(tokenizer, tokens);
      const places = [none, ...inText];
      const [starts, ends] = [0, 1].map((which) => softmax(places.map((place) => scores[place]![which]!)));
      const found: AnswerScore[] = [];
      for (const [i, { from, to: end }] of at.entries()) {
        if (from === end) continue; // a blank
        for (const [j, last] of at.slice(i, i + maxAnswerTokens).entries()) {
          if (last.from === last.to) continue;
          const score = starts![i + 1]! * ends![i + j + 1]!;
          found.push({ text: pair!.slice(from, last.to), score, from, to: last.to });
        }
      }
      return { answers: best(found, topK), none: starts![0]! * ends![0]! };
    },
    combine(parts) {
      const none = { text: "", score: Math.min(...parts.map((part) => part.none)), from: 0, to: 0 };
      return best([...parts.flatMap(({ answers }) => answers), ...(withNone ? [none] : [])], topK);
    },
  };
}

/** The likeliest, each place once. */
function best(answers: readonly AnswerScore[], topK: number): AnswerScore[] {
  const seen = new Set<string>();
  return [...answers]
    .sort((a, b) => b.score - a.score)
    .filter(({ from, to }) => !seen.has(`${from}-${to}`) && seen.add(`${from}-${to}`))
    .slice(0, topK);
}
