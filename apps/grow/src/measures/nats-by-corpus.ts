import type { Parameters } from "@cambium/core";
import type { LanguageModel, Tokenizer } from "@cambium/models";
import type { Measures } from "../growth/growing.ts";
import type { Text } from "../text/text.ts";

/** At which parameters, and of how many rows at most. */
interface NatsOptions {
  readonly parameters?: Parameters;
  readonly mostRows?: number;
}

/** Nats of a held-out character by corpus, by a measure of one corpus's documents. */
export async function natsByCorpus(
  measure: (
    model: LanguageModel,
    tokenizer: Tokenizer,
    documents: readonly string[],
    options: NatsOptions,
  ) => Promise<number>,
  model: LanguageModel,
  tokenizer: Tokenizer,
  text: Pick<Text, "corpora" | "heldDocuments">,
  options: NatsOptions = {},
): Promise<Measures> {
  const measured: Record<string, number> = {};
  for (const { name } of text.corpora)
    measured[name] = await measure(model, tokenizer, await text.heldDocuments(name), options);
  return measured;
}
