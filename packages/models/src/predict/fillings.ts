import { ConfigError } from "@cambium/base";
import type { Filling } from "../prediction.ts";
import { tokensOf } from "../rows/encoding.ts";
import { needToken } from "../special-tokens.ts";
import type { Tokens } from "../tokenizer/frame.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Reading } from "./reading.ts";
import { softmax } from "./scores.ts";

/** The likeliest words for each mask token of a text. Long texts are cut. */
export function fillingReading(tokenizer: Tokenizer, topK: number): Reading<readonly Filling[], readonly Filling[]> {
  const mask = needToken(tokenizer, "mask", "predictor");
  const masksIn = ({ ids }: Tokens): number[] => ids.flatMap((id, i) => (id === mask ? [i] : []));
  return {
    windows({ text, pair }, index, { stride: _, ...encoding }) {
      const [tokens] = tokensOf(text, pair, encoding);
      if (masksIn(tokens!).length > 0) return [tokens!];
      throw new ConfigError({
        message: `predictor: text ${index} has no mask token, ${tokenizer.decode([mask], { skipSpecial: false })}, in the tokens that are kept`,
        index,
      });
    },
    positions: masksIn,
    digest: (scores, tokens) =>
      masksIn(tokens).flatMap((place, i) => {
        const probabilities = softmax(scores[i]!);
        const order = probabilities.map((_, id) => id).sort((a, b) => probabilities[b]! - probabilities[a]!);
        return order.slice(0, topK).map((id) => ({
          token: tokenizer.decode([id], { skipSpecial: false }),
          id,
          score: probabilities[id]!,
          text: filled(tokenizer, tokens, place, id, masksIn(tokens).length > 1),
          mask: i,
        }));
      }),
    combine: ([only]) => only!,
  };
}

/** The text with one mask token filled, without special tokens; with the other masks where there are any. */
function filled(tokenizer: Tokenizer, { ids, sequences }: Tokens, place: number, id: number, hasMore: boolean): string {
  const words = ids.map((word, i) => (i === place ? id : word)).filter((_, i) => sequences[i] !== undefined);
  return tokenizer.decode(words, { skipSpecial: !hasMore });
}
