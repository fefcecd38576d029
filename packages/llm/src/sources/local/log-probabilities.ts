import type { JsonObject } from "@cambium/base";
import type { Alternative, ScoredToken } from "@cambium/models";

/** A token as OpenAI's format has it; without bytes where it is no whole character. */
function tokenToWire({ text, logProbability }: Alternative): JsonObject {
  const isWhole = !text.includes("\ufffd");
  return { token: text, logprob: logProbability, bytes: isWhole ? [...new TextEncoder().encode(text)] : null };
}

/** Log-probabilities of tokens, as OpenAI's format has them. */
export function logProbabilitiesToWire(tokens: readonly ScoredToken[]): JsonObject {
  const content = tokens.map((token) => ({
    ...tokenToWire(token),
    top_logprobs: token.alternatives.map(tokenToWire),
  }));
  return { content, refusal: null };
}
