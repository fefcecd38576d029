import { ConfigError } from "@cambium/base";
import { type Aligned, aligned } from "../tokenizer/aligned.ts";
import { toByteCharacters } from "../tokenizer/bytes.ts";
import { normalizerOf } from "../tokenizer/normalizers.ts";
import { preTokenizerOf } from "../tokenizer/pre-tokenizers.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";

/** Texts, all at hand or one after the other. */
export type Texts = Iterable<string> | AsyncIterable<string>;

/**
 * Counts the words of texts, as a tokenizer's normalizer and pre-tokenizer cut them; reports how far it is after each text.
 *
 * @param counts - Is filled, by the end.
 */
export async function* countWords(
  caller: string,
  texts: Texts,
  { normalizer, pre_tokenizer }: Pick<TokenizerJson, "normalizer" | "pre_tokenizer">,
  counts: Map<string, number>,
): AsyncGenerator<{ readonly texts: number; readonly words: number }> {
  const normalise = normalizer == null ? (text: Aligned): Aligned => text : normalizerOf(normalizer);
  const { steps, isByteLevel } =
    pre_tokenizer == null ? { steps: [], isByteLevel: false } : preTokenizerOf(pre_tokenizer);
  const raw = isByteLevel ? new Map<string, number>() : counts;
  let count = 0;
  for await (const text of texts) {
    if (typeof text !== "string") {
      throw new ConfigError({ message: `${caller}: text ${count} must be a string, got ${typeof text}`, index: count });
    }
    let parts: Aligned[] = [normalise(aligned(text.replace(/\p{Surrogate}/gu, "\ufffd")))];
    for (const step of steps) {
      const finer: Aligned[] = [];
      for (const part of parts) if (part.text !== "") step(part, finer);
      parts = finer;
    }
    for (const { text: word } of parts) if (word !== "") raw.set(word, (raw.get(word) ?? 0) + 1);
    yield { texts: ++count, words: raw.size };
  }
  if (isByteLevel) for (const [word, times] of raw) counts.set(toByteCharacters(aligned(word)).text, times);
}
