/** Byte-level vocabularies: `tokenizer.ggml.model` is `gpt2`. */

import { type PreTokenizer, preTokenizers } from "./pre-tokenizers.ts";
import type { TokenizerParts } from "./read-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * The parts of a `tokenizer.json`.
 *
 * @param architecture - Of the model. GPT-2's files from before there were names of pre-tokenizers need none.
 * @throws {FormatError} For a pre-tokenizer that is not known, and for merges of what are no tokens.
 */
export function readByteLevel(vocabulary: Vocabulary, architecture: unknown): TokenizerParts {
  // llama.cpp takes no note of it, the models' own tokenizers do: it is not known which one is meant.
  if (vocabulary.flag("add_space_prefix") === true) {
    throw vocabulary.refuse("add_space_prefix", "is true, which byte-level vocabularies do not support");
  }
  const { normalizer, pre_tokenizer, ignoreMerges, addsBos } = choosePreTokenizer(vocabulary, architecture);
  return {
    normalizer,
    pre_tokenizer,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { ignore_merges: ignoreMerges, merges: checkMerges(vocabulary) },
    addsBos,
  };
}

function choosePreTokenizer({ pre, refuse }: Vocabulary, architecture: unknown): PreTokenizer {
  const name = pre ?? (architecture === "gpt2" ? "gpt-2" : undefined);
  const known = [...preTokenizers.keys()].join(", ");
  if (name === undefined) {
    throw refuse(
      "pre",
      `is absent, so that it is not known how texts are cut into words; convert the model again with a newer llama.cpp, or take the tokenizer of the model it was made of`,
    );
  }
  const found = preTokenizers.get(name);
  if (found !== undefined) return found;
  throw refuse(
    "pre",
    `is "${name}", and ${known} are known; take the tokenizer of the model that the file was made of`,
  );
}

function checkMerges({ merges, tokens, refuse }: Vocabulary): readonly string[] {
  if (merges === undefined) throw refuse("merges", "is absent");
  const known = new Set(tokens);
  for (const [i, merge] of merges.entries()) {
    const [first, second, ...others] = merge.split(" ");
    const isMerge = second !== undefined && others.length === 0;
    if (isMerge && known.has(first!) && known.has(second) && known.has(`${first}${second}`)) continue;
    throw refuse("merges", `has ${JSON.stringify(merge)} as number ${i}, which merges no two tokens into a third`);
  }
  return merges;
}
