import { checkPairs } from "./pairs.ts";

/**
 * Perplexity, `exp` of the mean loss per token, at least 1.
 *
 * @param losses - Mean losses in nats per token, such as one per batch.
 * @param tokens - Tokens behind each loss. @default 1 each
 * @throws {ShapeError} When the lists differ in length or are empty.
 * @see Jelinek et al. 1977, Perplexity: a measure of the difficulty of speech recognition tasks, JASA 62.
 */
export function perplexity(losses: ArrayLike<number>, tokens: ArrayLike<number> = Array.from(losses, () => 1)): number {
  checkPairs("perplexity", losses, tokens);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < losses.length; i++) {
    sum += losses[i]! * tokens[i]!;
    count += tokens[i]!;
  }
  return Math.exp(sum / count);
}
