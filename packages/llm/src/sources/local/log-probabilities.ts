import type { JsonObject } from "@cambium/base";
import type { Alternative, ScoredToken, Tokenizer } from "@cambium/models";

/** A token as OpenAI's format has it, with the bytes that it adds to the text. */
function tokenToWire(tokenizer: Tokenizer, { id, text, logProbability }: Alternative): JsonObject {
  const isWhole = !text.includes("\ufffd");
  const bytes = isWhole ? new TextEncoder().encode(text) : tokenizer.bytes(id);
  return { token: text, logprob: logProbability, bytes: bytes === undefined ? null : [...bytes] };
}

/** Log-probabilities of tokens, as OpenAI's format has them. */
export function logProbabilitiesToWire(tokenizer: Tokenizer, tokens: readonly ScoredToken[]): JsonObject {
  const content = tokens.map((token) => ({
    ...tokenToWire(tokenizer, token),
    top_logprobs: token.alternatives.map((each) => tokenToWire(tokenizer, each)),
  }));
  return { content, refusal: null };
}
